"""What providers tell us of their own accord. It may come early, late, twice or out of order."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ShipmentNotificationKind(StrEnum):
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    """By the carrier itself, or by us."""
    LOST = "lost"
    RETURNED = "returned"
    """What the order's return is of has come back."""


@dataclass(frozen=True, slots=True)
class PaymentNotification:
    """A hint that the provider's books have changed: it is asked, the news are not believed."""

    order_id: str
    attempt: int


@dataclass(frozen=True, slots=True)
class ShipmentNotification:
    order_id: str
    kind: ShipmentNotificationKind
    is_confirmed: bool = True
    """The carrier said so when it was asked. Otherwise this is a hint, and the saga asks."""
