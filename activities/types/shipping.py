"""A parcel, by the account of the carrier."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from domain.shipping.tracking import TrackingInfo


class TrackedStatus(StrEnum):
    """The progress of a parcel by the carrier's account."""

    WAITING = "waiting"
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    LOST = "lost"
    RETURNED_TO_SENDER = "returned_to_sender"
    """The parcel could not be delivered, and is back in the warehouse."""
    RETURNED = "returned"
    """The goods of a return are back."""


@dataclass(frozen=True, slots=True)
class ParcelInput:
    """An order, with the tracking number that came with the carrier's notifications, if any."""

    order_id: str
    tracking: TrackingInfo | None = None
