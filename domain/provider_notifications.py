"""The notifications of providers. One may come early, late, twice or out of order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.shipping.tracking import TrackingInfo


class ShipmentNotificationKind(StrEnum):
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    """The carrier cancelled it, on its own or on request."""
    LOST = "lost"
    RETURNED = "returned"
    """The goods of the order's return are back."""


class PaymentNotificationKind(StrEnum):
    """What a notification is about. The provider's answer says what is true."""

    PAYMENT = "payment"
    """The payment has changed in a way that the notification does not name."""
    CANCELED = "canceled"
    """The hold has ended: an operator or the provider has cancelled the payment."""


@dataclass(frozen=True, slots=True)
class PaymentNotification:
    """A hint that the provider's records have changed: the saga asks the provider."""

    order_id: str
    attempt: int
    kind: PaymentNotificationKind = PaymentNotificationKind.PAYMENT


@dataclass(frozen=True, slots=True)
class ShipmentNotification:
    order_id: str
    kind: ShipmentNotificationKind
    is_confirmed: bool = True
    """The carrier said so when it was asked. Otherwise this is a hint, and the saga asks."""
    tracking: TrackingInfo | None = None
    """The tracking number that the carrier named when it was asked, if it has one by now."""
