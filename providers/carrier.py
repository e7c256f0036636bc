"""What Waybill asks of a carrier. An order has at most one shipment and one return.

The reference of both is the order's id.

Every method may be called again with the same arguments at any time, and raises
ProviderUnavailable (outcome unknown, or try later) or ProviderRefused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class CarrierShipmentStatus(StrEnum):
    CREATED = "created"
    DISPATCHED = "dispatched"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    LOST = "lost"


class ReturnStatus(StrEnum):
    REQUESTED = "requested"
    RETURNED = "returned"
    """The goods are back with us."""


# No repr: an address in a log or a traceback would be personal data.
@dataclass(frozen=True, slots=True, repr=False)
class ShipmentAddress:
    name: str
    street: str
    city: str
    postal_code: str
    country: str
    """ISO 3166-1 alpha-2, upper case."""


@dataclass(frozen=True, slots=True)
class ShipmentItem:
    sku: str
    quantity: int


@dataclass(frozen=True, slots=True)
class CarrierShipment:
    """A shipment as the carrier has it at the time of the answer."""

    id: str
    order_id: str
    status: CarrierShipmentStatus
    tracking_number: str | None


@dataclass(frozen=True, slots=True)
class CarrierReturn:
    """A return as the carrier has it at the time of the answer."""

    id: str
    order_id: str
    status: ReturnStatus


@dataclass(frozen=True, slots=True)
class CarrierWebhook:
    """A webhook we believe. It may be late, repeated or out of order."""

    event_id: str
    order_id: str
    status: CarrierShipmentStatus | ReturnStatus
    """Which of the two it is tells whether it is about the shipment or the return."""


class Carrier(Protocol):
    async def create_shipment(
        self, *, order_id: str, address: ShipmentAddress, items: Sequence[ShipmentItem]
    ) -> CarrierShipment:
        """Ask for the order to be collected. One cancelled before is returned as CANCELLED."""
        ...

    async def find(self, *, order_id: str) -> CarrierShipment | None:
        """The order's shipment, or None if the carrier knows of none (yet)."""
        ...

    async def cancel(self, *, order_id: str) -> CarrierShipment:
        """Cancel the order's shipment, and fence it: no create in flight can revive it.

        Works whatever became of the create. Raises AlreadyDispatched once it has left.
        """
        ...

    async def create_return(self, *, order_id: str, items: Sequence[ShipmentItem]) -> CarrierReturn:
        """Ask for goods of the delivered order to be fetched back; an order has one return."""
        ...

    async def find_return(self, *, order_id: str) -> CarrierReturn | None:
        """The order's return, or None if the carrier knows of none (yet)."""
        ...

    async def close(self) -> None: ...
