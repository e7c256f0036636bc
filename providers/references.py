"""The references by which a carrier knows the shipments of an order.

A carrier keeps a reference for ever, also after the shipment was cancelled. So a parcel that was
stopped and is sent after all has a reference of its own: the order's id with the number of the
booking. No order's id contains the separator.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from domain.identifiers import is_identifier

_SEPARATOR: Final = "~"


@dataclass(frozen=True, slots=True)
class Booking:
    """One shipment of an order; `number` counts them from 1."""

    order_id: str
    number: int = 1

    @property
    def reference(self) -> str:
        if self.number == 1:
            return self.order_id
        return f"{self.order_id}{_SEPARATOR}{self.number}"


def booking_of(reference: str) -> Booking | None:
    """Return the booking that has this reference, or None if it is none of Waybill's."""
    order_id, separator, number = reference.partition(_SEPARATOR)
    if not is_identifier(order_id):
        return None
    if not separator:
        return Booking(order_id)
    booking = Booking(order_id, int(number)) if number.isascii() and number.isdigit() else None
    return booking if booking is not None and booking.reference == reference else None


def order_of(reference: str) -> str:
    """Return the order of a reference; a reference that is none of Waybill's stands for itself."""
    booking = booking_of(reference)
    return reference if booking is None else booking.order_id


def number_of(reference: str) -> int:
    """Return the number of the booking; 1 for a reference that is none of Waybill's."""
    booking = booking_of(reference)
    return 1 if booking is None else booking.number
