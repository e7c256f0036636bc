"""The test postal codes: where a parcel does not simply arrive."""

from __future__ import annotations

from dataclasses import dataclass

from providers.simulation.faults import Fault


@dataclass(frozen=True, slots=True)
class Route:
    deliverable: bool = True
    dispatches: bool = True
    delivers: bool = True
    loses: bool = False
    """The parcel is lost on its way."""
    cancels: bool = False
    """The carrier cancels the shipment itself when it should leave."""
    brings_back: bool = True
    """What is returned arrives."""
    fault: Fault | None = None


_NORMAL = Route()
_ROUTES = {
    "00000": Route(deliverable=False),
    "00503": Route(fault=Fault.UNAVAILABLE),
    "00001": Route(dispatches=False),
    "00002": Route(fault=Fault.TIMEOUT_AFTER),
    "00003": Route(delivers=False),
    "00004": Route(loses=True),
    "00005": Route(cancels=True),
    "00006": Route(brings_back=False),
}


def route_to(postal_code: str) -> Route:
    return _ROUTES.get(postal_code, _NORMAL)
