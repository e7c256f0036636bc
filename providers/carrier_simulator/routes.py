"""The test postal codes, for which a parcel does not simply arrive.

Each has five digits, so it is one of Germany, France, the United States and many more countries.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final

from providers.carrier import CarrierShipmentStatus
from providers.simulation.faults import Fault

NORMAL: Final = "10115"
"""Any other postal code is like this one."""
REFUSED: Final = "00000"
DOWN: Final = "00503"
NEVER_DISPATCHED: Final = "00001"
TIMES_OUT: Final = "00002"
NEVER_DELIVERED: Final = "00003"
LOST: Final = "00004"
CANCELLED_BY_CARRIER: Final = "00005"
NEVER_COMES_BACK: Final = "00006"
NUMBERED_AT_CREATION: Final = "00007"
NUMBERED_AT_DELIVERY: Final = "00008"
RENUMBERED_AT_DELIVERY: Final = "00009"
RETURNED_TO_SENDER: Final = "00010"
DISPATCHED_AT_SECOND: Final = "00020"
"""The first booking of an order is never dispatched, and the later ones are delivered. Returned
goods do not come back by themselves."""

_CREATED, _DISPATCHED, _DELIVERED = (
    CarrierShipmentStatus.CREATED,
    CarrierShipmentStatus.DISPATCHED,
    CarrierShipmentStatus.DELIVERED,
)


@dataclass(frozen=True, slots=True)
class Route:
    deliverable: bool = True
    dispatches: bool = True
    first_to_leave: int = 1
    """The number of the first booking that the carrier dispatches."""
    delivers: bool = True
    loses: bool = False
    """The parcel is lost on its way."""
    returns_to_sender: bool = False
    """The parcel cannot be delivered, and comes back to the warehouse."""
    cancels: bool = False
    """The carrier cancels the shipment when it should leave."""
    brings_back: bool = True
    """Returned goods arrive."""
    numbers_when: AbstractSet[CarrierShipmentStatus] = frozenset({_DISPATCHED})
    """The statuses at which the parcel gets a tracking number, or another one."""
    fault: Fault | None = None


_NORMAL = Route()
_ROUTES = {
    REFUSED: Route(deliverable=False),
    DOWN: Route(fault=Fault.UNAVAILABLE),
    NEVER_DISPATCHED: Route(dispatches=False),
    TIMES_OUT: Route(fault=Fault.TIMEOUT_AFTER),
    NEVER_DELIVERED: Route(delivers=False),
    LOST: Route(loses=True),
    RETURNED_TO_SENDER: Route(returns_to_sender=True),
    DISPATCHED_AT_SECOND: Route(first_to_leave=2, brings_back=False),
    CANCELLED_BY_CARRIER: Route(cancels=True),
    NEVER_COMES_BACK: Route(brings_back=False),
    NUMBERED_AT_CREATION: Route(numbers_when=frozenset({_CREATED})),
    NUMBERED_AT_DELIVERY: Route(numbers_when=frozenset({_DELIVERED})),
    RENUMBERED_AT_DELIVERY: Route(numbers_when=frozenset({_DISPATCHED, _DELIVERED})),
}


def route_to(postal_code: str) -> Route:
    return _ROUTES.get(postal_code, _NORMAL)
