from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from domain.shipping import events as e
from domain.shipping.tracking import TrackingInfo


class ShipmentStatus(StrEnum):
    CREATED = "CREATED"
    DISPATCHED = "DISPATCHED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"
    LOST = "LOST"
    RETURNED_TO_SENDER = "RETURNED_TO_SENDER"


HAS_LEFT = frozenset(
    {
        ShipmentStatus.DISPATCHED,
        ShipmentStatus.DELIVERED,
        ShipmentStatus.LOST,
        ShipmentStatus.RETURNED_TO_SENDER,
    }
)


@dataclass(frozen=True, slots=True)
class ShipmentState:
    """`status` is None while no shipment of the order is recorded.

    It is the status of the parcel: a return does not change it.
    """

    status: ShipmentStatus | None = None
    shipment_id: str | None = None
    tracking: TrackingInfo | None = None
    """The latest that the carrier has given; None before it gives a number."""
    tracking_count: int = 0
    """The number of times that the carrier has given or changed it."""
    booking: int = 1
    """The number of the shipment that is booked, or is to be booked."""
    is_stopped: bool = False
    """The parcel waits for an attempt to pay after `unpaid_attempt`, and is booked then."""
    unpaid_attempt: int = 0
    """The attempt to pay whose hold had ended when the parcel was stopped; 0 if none had."""
    return_id: str | None = None
    is_back: bool = False

    @property
    def is_under_way(self) -> bool:
        """Return whether the carrier has the parcel, or is about to collect it."""
        return self.status is ShipmentStatus.CREATED or self.status in HAS_LEFT


def evolve(state: ShipmentState, event: e.ShipmentEvent) -> ShipmentState:  # noqa: C901, PLR0911 - one for each event
    match event:
        case e.ShipmentCreated():
            is_first = state.status is None or state.is_stopped
            return replace(
                state,
                status=ShipmentStatus.CREATED if is_first else state.status,
                shipment_id=event.shipment_id,
                is_stopped=False,
            )
        case e.TrackingNumberAssigned():
            return replace(
                state, tracking=_tracking(event), tracking_count=state.tracking_count + 1
            )
        case e.ShipmentDispatched():
            return replace(state, status=ShipmentStatus.DISPATCHED)
        case e.ShipmentDelivered():
            return replace(state, status=ShipmentStatus.DELIVERED)
        case e.ShipmentCancelled():
            return replace(state, status=ShipmentStatus.CANCELLED, is_stopped=False)
        case e.ShipmentStopped():
            return ShipmentState(
                ShipmentStatus.CANCELLED,
                booking=event.booking + 1,
                is_stopped=True,
                unpaid_attempt=event.attempt,
            )
        case e.ShipmentLost():
            return replace(state, status=ShipmentStatus.LOST)
        case e.ShipmentReturnedToSender():
            return replace(state, status=ShipmentStatus.RETURNED_TO_SENDER)
        case e.ShipmentReturnRequested():
            return replace(state, return_id=event.return_id)
        case e.ShipmentReturned():
            return replace(state, is_back=True)


def _tracking(event: e.TrackingNumberAssigned) -> TrackingInfo:
    # The values were checked when their event was decided.
    return TrackingInfo.model_construct(
        number=event.tracking_number, carrier=event.carrier, url=event.tracking_url
    )
