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
from domain.provider_notifications import (
    PaymentNotification,
    ShipmentNotification,
    ShipmentNotificationKind,
)
from kit.pool import CONNECTION_LOST
from orchestrator.inbox import BeingHandled, Webhook
from orchestrator.saga_orchestrator import Unavailable
from providers.carrier import Carrier, CarrierShipmentStatus, CarrierWebhook, ReturnStatus
from providers.carrier_webhook import verify_carrier_webhook
from providers.errors import ProviderError
from providers.payment_webhook import verify_payment_webhook
from settings import Settings

ACKNOWLEDGED: Final = 204

_NOTIFICATIONS: Final[dict[CarrierShipmentStatus | ReturnStatus, ShipmentNotificationKind]] = {
    CarrierShipmentStatus.DISPATCHED: ShipmentNotificationKind.DISPATCHED,
    CarrierShipmentStatus.DELIVERED: ShipmentNotificationKind.DELIVERED,
    CarrierShipmentStatus.CANCELLED: ShipmentNotificationKind.CANCELLED,
    CarrierShipmentStatus.LOST: ShipmentNotificationKind.LOST,
    ReturnStatus.RETURNED: ShipmentNotificationKind.RETURNED,
}
"""The saga waits for these; of the others it is the one who asks."""


def webhooks(settings: Settings) -> APIRouter:
    router = APIRouter(prefix="/webhooks")
    payment_secret = settings.payment_webhook_secret.get_secret_value()
    carrier_secret = settings.carrier_webhook_secret.get_secret_value()

    @router.post("/payments")
    async def payments(request: Request) -> Response:
        signature = request.headers.get("stripe-signature", "")
        notification = verify_payment_webhook(await request.body(), signature, payment_secret)
        if notification is not None:
            services: Services = request.app.state.services
            webhook = Webhook(
                "payments", notification.event_id, notification.type, notification.order_id
            )
            report = PaymentNotification(notification.order_id, notification.attempt)
            await _handle_once(
                webhook, partial(services.orchestrator.handle_event, report), services
            )
        return Response(status_code=ACKNOWLEDGED)

    @router.post("/shipping")
    async def shipping(request: Request) -> Response:
        notification = verify_carrier_webhook(await request.body(), request.headers, carrier_secret)
        if notification is not None and notification.status in _NOTIFICATIONS:
            services: Services = request.app.state.services
            webhook = Webhook(
                "shipping", notification.event_id, notification.status, notification.order_id
            )
            await _handle_once(webhook, partial(_report_shipment, notification, services), services)
        return Response(status_code=ACKNOWLEDGED)

    return router


async def _report_shipment(notification: CarrierWebhook, services: Services) -> None:
    await services.orchestrator.handle_event(await _confirmed(notification, services.carrier))


async def _confirmed(notification: CarrierWebhook, carrier: Carrier) -> ShipmentNotification:
    """Return what the carrier itself says now; the bare hint where it does not answer.

    Raises Unavailable where the carrier knows of nothing to notify: it may be about to.
    """
    try:
        status = await _status_at(carrier, notification)
    except ProviderError:
        return ShipmentNotification(
            notification.order_id, _NOTIFICATIONS[notification.status], is_confirmed=False
        )
    if status not in _NOTIFICATIONS:
        raise Unavailable("the carrier does not confirm this notification yet; send it again")
    return ShipmentNotification(notification.order_id, _NOTIFICATIONS[status])


async def _status_at(
    carrier: Carrier, notification: CarrierWebhook
) -> CarrierShipmentStatus | ReturnStatus | None:
    if isinstance(notification.status, ReturnStatus):
        returned = await carrier.find_return(order_id=notification.order_id)
        return returned.status if returned is not None else None
    shipment = await carrier.find(order_id=notification.order_id)
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
