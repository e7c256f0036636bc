"""Receive provider notifications, confirm them, and signal each one to its saga once.

A signature proves the sender of a notification, not its truth. So the notification is a hint: the
API polls the carrier before it signals the saga, and the payment saga polls its provider. The API
acknowledges a notification only after the signal; until then the provider sends it again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from fastapi import APIRouter, Request, Response

from api.context import Services
from domain.provider_notifications import (
    PaymentNotification,
    ShipmentNotification,
    ShipmentNotificationKind,
)
from domain.shipping.tracking import TrackingInfo
from kit.restart import is_database_away
from orchestrator.inbox import BeingHandled, Webhook
from orchestrator.translation import Unavailable
from providers.carrier import Carrier, CarrierShipmentStatus, CarrierWebhook, ReturnStatus
from providers.carrier_webhook import verify_carrier_webhook
from providers.errors import ProviderError
from providers.payment_webhook import verify_payment_webhook
from providers.payments import PaymentWebhook
from settings import Settings

ACKNOWLEDGED: Final = 204

_NOTIFICATIONS: Final[dict[CarrierShipmentStatus | ReturnStatus, ShipmentNotificationKind]] = {
    CarrierShipmentStatus.DISPATCHED: ShipmentNotificationKind.DISPATCHED,
    CarrierShipmentStatus.DELIVERED: ShipmentNotificationKind.DELIVERED,
    CarrierShipmentStatus.CANCELLED: ShipmentNotificationKind.CANCELLED,
    CarrierShipmentStatus.LOST: ShipmentNotificationKind.LOST,
    CarrierShipmentStatus.RETURNED_TO_SENDER: ShipmentNotificationKind.RETURNED_TO_SENDER,
    ReturnStatus.RETURNED: ShipmentNotificationKind.RETURNED,
}
"""The saga waits for these notifications. It polls the provider for all others."""


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
            await _receive_payment(notification, services)
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


async def _receive_payment(notification: PaymentWebhook, services: Services) -> None:
    report = await _report_of(notification, services)
    if report is None:
        return  # a payment that Waybill has not made
    webhook = Webhook("payments", notification.event_id, notification.type, report.order_id)
    await _handle_once(webhook, partial(services.orchestrator.handle_event, report), services)


async def _report_of(
    notification: PaymentWebhook, services: Services
) -> PaymentNotification | None:
    """Return the notification of an order. A refund and a dispute name their payment alone."""
    order_id, attempt = notification.order_id, notification.attempt
    if order_id is None:
        with _asked_again():
            found = await services.provider_news.order_of(notification.reference)
        if found is None:
            return None
        order_id, attempt = found
    return PaymentNotification(order_id, attempt, notification.kind, notification.refunded)


async def _report_shipment(notification: CarrierWebhook, services: Services) -> None:
    await services.orchestrator.handle_event(await _confirmed(notification, services.carrier))


async def _confirmed(notification: CarrierWebhook, carrier: Carrier) -> ShipmentNotification:
    """Return the carrier's current status; if it does not answer, the unconfirmed notification.

    Raises Unavailable if the carrier has no such status yet, because it may have it soon.
    """
    try:
        status, tracking = await _status_at(carrier, notification)
    except ProviderError:
        return ShipmentNotification(
            notification.order_id,
            _NOTIFICATIONS[notification.status],
            is_confirmed=False,
            booking=notification.booking,
        )
    if status not in _NOTIFICATIONS:
        raise Unavailable("the carrier does not confirm this notification yet; send it again")
    return ShipmentNotification(
        notification.order_id,
        _NOTIFICATIONS[status],
        tracking=tracking,
        booking=notification.booking,
    )


async def _status_at(
    carrier: Carrier, notification: CarrierWebhook
) -> tuple[CarrierShipmentStatus | ReturnStatus | None, TrackingInfo | None]:
    if isinstance(notification.status, ReturnStatus):
        returned = await carrier.find_return(
            order_id=notification.order_id, booking=notification.booking
        )
        return (None if returned is None else returned.status), None
    shipment = await carrier.find(order_id=notification.order_id, booking=notification.booking)
    return (None, None) if shipment is None else (shipment.status, shipment.tracking)


async def _handle_once(
    webhook: Webhook, handle: Callable[[], Awaitable[None]], services: Services
) -> None:
    try:
        with _asked_again():
            await services.inbox.handle_once(webhook, handle)
    except BeingHandled:
        raise Unavailable("this webhook is being handled; send it again") from None


@contextmanager
def _asked_again() -> Iterator[None]:
    """Have the provider send the webhook again when the database cannot do its work now."""
    try:
        yield
    except Exception as error:
        if is_database_away(error):
            raise Unavailable("the database is unavailable; send it again") from None
        raise
