"""What providers tell us of their own accord: believed if signed, and passed on to the saga once.

Until that is done it is not acknowledged, and the provider sends it again.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from fastapi import APIRouter, Request, Response

from api.context import Services
from domain.news import PaymentReported, ShipmentNews, ShipmentReported
from eventstore.inbox import BeingHandled, Webhook
from eventstore.pool import CONNECTION_LOST
from providers.carrier import ReturnStatus, ShipmentStatus
from providers.carrier_webhook import verify_carrier_webhook
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
            webhook = Webhook("payments", news.event_id, news.type, news.order_id)
            await _pass_on(webhook, PaymentReported(news.order_id, news.attempt), request)
        return Response(status_code=ACKNOWLEDGED)

    @router.post("/shipping")
    async def shipping(request: Request) -> Response:
        news = verify_carrier_webhook(await request.body(), request.headers, carrier_secret)
        if news is not None and (told := _NEWS.get(news.status)):
            webhook = Webhook("shipping", news.event_id, news.status, news.order_id)
            await _pass_on(webhook, ShipmentReported(news.order_id, told), request)
        return Response(status_code=ACKNOWLEDGED)

    return router


async def _pass_on(
    webhook: Webhook, news: PaymentReported | ShipmentReported, request: Request
) -> None:
    services: Services = request.app.state.services
    try:
        await services.inbox.handle_once(webhook, partial(services.orchestrator.handle_event, news))
    except BeingHandled:
        raise Unavailable("this webhook is being handled; send it again") from None
    except CONNECTION_LOST:
        raise Unavailable("the database is out of reach; send it again") from None
