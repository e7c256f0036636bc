"""Notifications of providers: verified, confirmed, and passed on to the saga once.

A signature shows who sent a notification, not that it is true. So it is a hint: the carrier is
asked before the saga hears of it, and the payment saga asks its provider itself. Until a
notification is passed on it is not acknowledged, and the provider sends it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from fastapi import APIRouter, Request, Response

from api.context import Services
from domain.news import PaymentReported, ShipmentNews, ShipmentReported
from eventstore.inbox import BeingHandled, Webhook
from eventstore.pool import CONNECTION_LOST
from providers.carrier import Carrier, CarrierNews, ReturnStatus, ShipmentStatus
from providers.carrier_webhook import verify_carrier_webhook
from providers.errors import ProviderError
from providers.payment_webhook import verify_payment_webhook
from settings import Settings
from workflows.orchestrator import Unavailable

ACKNOWLEDGED: Final = 204

_NEWS: Final[dict[ShipmentStatus | ReturnStatus, ShipmentNews]] = {
    ShipmentStatus.DISPATCHED: ShipmentNews.DISPATCHED,
    ShipmentStatus.DELIVERED: ShipmentNews.DELIVERED,
    ShipmentStatus.CANCELLED: ShipmentNews.CANCELLED,
    ShipmentStatus.LOST: ShipmentNews.LOST,
    ReturnStatus.RETURNED: ShipmentNews.RETURNED,
}
"""The saga waits for these; of the others it is the one who asks."""


def webhooks(settings: Settings) -> APIRouter:
    router = APIRouter(prefix="/webhooks")
    payment_secret = settings.payment_webhook_secret.get_secret_value()
    carrier_secret = settings.carrier_webhook_secret.get_secret_value()

    @router.post("/payments")
    async def payments(request: Request) -> Response:
        signature = request.headers.get("stripe-signature", "")
        news = verify_payment_webhook(await request.body(), signature, payment_secret)
        if news is not None:
            services: Services = request.app.state.services
            webhook = Webhook("payments", news.event_id, news.type, news.order_id)
            report = PaymentReported(news.order_id, news.attempt)
            await _handle_once(
                webhook, partial(services.orchestrator.handle_event, report), services
            )
        return Response(status_code=ACKNOWLEDGED)

    @router.post("/shipping")
    async def shipping(request: Request) -> Response:
        news = verify_carrier_webhook(await request.body(), request.headers, carrier_secret)
        if news is not None and news.status in _NEWS:
            services: Services = request.app.state.services
            webhook = Webhook("shipping", news.event_id, news.status, news.order_id)
            await _handle_once(webhook, partial(_report_shipment, news, services), services)
        return Response(status_code=ACKNOWLEDGED)

    return router


async def _report_shipment(news: CarrierNews, services: Services) -> None:
    await services.orchestrator.handle_event(await _confirmed(news, services.carrier))


async def _confirmed(news: CarrierNews, carrier: Carrier) -> ShipmentReported:
    """Return what the carrier itself says now; the bare hint where it does not answer.

    Raises Unavailable where the carrier knows of nothing to notify: it may be about to.
    """
    try:
        status = await _status_at(carrier, news)
    except ProviderError:
        return ShipmentReported(news.order_id, _NEWS[news.status], is_confirmed=False)
    if status not in _NEWS:
        raise Unavailable("the carrier does not confirm this notification yet; send it again")
    return ShipmentReported(news.order_id, _NEWS[status])


async def _status_at(carrier: Carrier, news: CarrierNews) -> ShipmentStatus | ReturnStatus | None:
    if isinstance(news.status, ReturnStatus):
        returned = await carrier.find_return(order_id=news.order_id)
        return returned.status if returned is not None else None
    shipment = await carrier.find(order_id=news.order_id)
    return shipment.status if shipment is not None else None


async def _handle_once(
    webhook: Webhook, handle: Callable[[], Awaitable[None]], services: Services
) -> None:
    try:
        await services.inbox.handle_once(webhook, handle)
    except BeingHandled:
        raise Unavailable("this webhook is being handled; send it again") from None
    except CONNECTION_LOST:
        raise Unavailable("the database is out of reach; send it again") from None
