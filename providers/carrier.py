"""The interface of a carrier. An order has at most one shipment that is not cancelled, and one
return.

`booking` counts the shipments of an order from 1. A shipment that was cancelled stays so: the
parcel of an order that continues is booked again, under the next number. A return belongs to the
booking that was delivered.

Every method may be called again with the same arguments at any time, and raises ProviderUnavailable
(outcome unknown, or try later) or ProviderRefused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from domain.shipping.tracking import TrackingInfo


class CarrierShipmentStatus(StrEnum):
    CREATED = "created"
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    LOST = "lost"
    RETURNED_TO_SENDER = "returned_to_sender"
    """The parcel could not be delivered, and is back in the warehouse."""


class ReturnStatus(StrEnum):
    REQUESTED = "requested"
    RETURNED = "returned"
    """The goods are back in the warehouse."""


# No repr: an address in a log or a traceback would be personal data.
@dataclass(frozen=True, slots=True, repr=False)
class ShipmentAddress:
    name: str
    street: str
    city: str
    postal_code: str | None
    country: str
    """ISO 3166-1 alpha-2, upper case."""
    line2: str | None = None
    region: str | None = None
    company: str | None = None
    phone: str | None = None
    """E.164."""


@dataclass(frozen=True, slots=True)
class ShipmentItem:
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class CarrierShipment:
    """The carrier's shipment at the time of the answer."""

    id: str
    order_id: str
    status: CarrierShipmentStatus
    tracking: TrackingInfo | None
    """None before the carrier gives the parcel a number, which may be as late as its delivery."""


@dataclass(frozen=True, slots=True)
class CarrierReturn:
    """The carrier's return at the time of the answer."""

    id: str
    order_id: str
    status: ReturnStatus


@dataclass(frozen=True, slots=True)
class CarrierWebhook:
    """A verified webhook. It may be late, repeated or out of order."""

    event_id: str
    order_id: str
    status: CarrierShipmentStatus | ReturnStatus
    """The type of the status says whether the webhook is about the shipment or the return."""
    booking: int = 1


class Carrier(Protocol):
    async def create_shipment(
        self,
        *,
        order_id: str,
        address: ShipmentAddress,
        items: Sequence[ShipmentItem],
        booking: int = 1,
    ) -> CarrierShipment:
        """Request the collection of the order. A shipment cancelled before is returned as
        CANCELLED."""
        ...

    async def find(self, *, order_id: str, booking: int = 1) -> CarrierShipment | None:
        """Return the order's shipment, or None if the carrier knows of none (yet)."""
        ...

    async def cancel(self, *, order_id: str, booking: int = 1) -> CarrierShipment:
        """Cancel the order's shipment, and fence it: no create in flight can revive it.

        This works for any outcome of the create. Raises AlreadyDispatched once the parcel has left.
        """
        ...

    async def create_return(
        self, *, order_id: str, items: Sequence[ShipmentItem], booking: int = 1
    ) -> CarrierReturn:
        """Request the collection of goods of the delivered order; an order has one return."""
        ...

    async def find_return(self, *, order_id: str, booking: int = 1) -> CarrierReturn | None:
        """Return the order's return, or None if the carrier knows of none (yet)."""
        ...

    async def close(self) -> None: ...
