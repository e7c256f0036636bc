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
    RETURNED_TO_SENDER = "returned_to_sender"
    """The parcel could not be delivered, and is back in the warehouse."""
    RETURNED = "returned"
    """The goods of the order's return are back."""


class PaymentNotificationKind(StrEnum):
    """What a notification is about. The provider's answer says what is true."""

    PAYMENT = "payment"
    """The payment has changed in a way that the notification does not name."""
    NEEDS_CUSTOMER = "needs_customer"
    AUTHORIZED = "authorized"
    DECLINED = "declined"
    CAPTURED = "captured"
    CANCELED = "canceled"
    """The hold has ended: Waybill, an operator or the provider has cancelled the payment."""
    REFUND = "refund"
    """A refund was made or has failed."""
    DISPUTE = "dispute"
    """The customer's bank disputes the charge, or the dispute has changed."""


@dataclass(frozen=True, slots=True)
class PaymentNotification:
    """A hint that the provider's records have changed: the saga asks the provider.

    `refunded` is the total refund that the notification names, in the provider's units.
    """

    order_id: str
    attempt: int
    kind: PaymentNotificationKind = PaymentNotificationKind.PAYMENT
    refunded: int | None = None


@dataclass(frozen=True, slots=True)
class ShipmentNotification:
    order_id: str
    kind: ShipmentNotificationKind
    is_confirmed: bool = True
    """The carrier said so when it was asked. Otherwise this is a hint, and the saga asks."""
    tracking: TrackingInfo | None = None
    """The tracking number that the carrier named when it was asked, if it has one by now."""
    booking: int | None = None
    """The number of the shipment, counted from 1 for each order; None for the present one."""
