from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from domain.aggregate import Aggregate
from domain.errors import ErrorCode, Refused
from domain.shipping import commands as c
from domain.shipping import events as e
from domain.shipping.state import HAS_LEFT, ShipmentState, ShipmentStatus, evolve

_NOT_LOST: Final = {
    ShipmentStatus.DELIVERED,
    ShipmentStatus.CANCELLED,
    ShipmentStatus.RETURNED_TO_SENDER,
}

MAX_TRACKING_CHANGES: Final = 20
"""The changes that are recorded: a carrier that gives another URL in each answer must not fill the
log."""


def decide(command: c.ShipmentCommand, state: ShipmentState) -> Sequence[e.ShipmentEvent]:  # noqa: C901, PLR0911 - one for each command
    match command:
        case c.RecordShipment():
            return _create(command, state)
        case c.RecordTracking():
            return _track(command, state)
        case c.RecordDispatch():
            return _dispatch(command, state)
        case c.RecordDelivery():
            return _deliver(command, state)
        case c.RecordShipmentCancelled():
            return _cancel(command, state)
        case c.RecordShipmentStopped():
            return _stop(command, state)
        case c.RecordLoss():
            return _lose(command, state)
        case c.RecordReturnToSender():
            return _return_to_sender(command, state)
        case c.RecordReturnShipment():
            return _request_return(command, state)
        case c.RecordGoodsBack():
            return _take_back(command, state)
        case _:
            raise TypeError(f"shipping does not support {command.command_type}")


def _create(command: c.RecordShipment, state: ShipmentState) -> Sequence[e.ShipmentEvent]:
    is_cancelled = state.status is ShipmentStatus.CANCELLED and not state.is_stopped
    if state.shipment_id is not None or is_cancelled or command.booking != state.booking:
        return []
    return [
        e.ShipmentCreated(
            order_id=command.aggregate_id,
            shipment_id=command.shipment_id,
            booking=command.booking,
        ),
    ]


def _track(command: c.RecordTracking, state: ShipmentState) -> Sequence[e.ShipmentEvent]:
    if state.status in {None, ShipmentStatus.CANCELLED} or command.tracking == state.tracking:
        return []
    if state.tracking_count >= MAX_TRACKING_CHANGES:
        return []
    return [
        e.TrackingNumberAssigned(
            order_id=command.aggregate_id,
            tracking_number=command.tracking.number,
            carrier=command.tracking.carrier,
            tracking_url=command.tracking.url,
        )
    ]


def _dispatch(command: c.RecordDispatch, state: ShipmentState) -> Sequence[e.ShipmentEvent]:
    if state.status in HAS_LEFT:
        return []
    if state.status is not None:
        _require(command, state, ShipmentStatus.CREATED)
    return [e.ShipmentDispatched(order_id=command.aggregate_id)]


def _deliver(command: c.RecordDelivery, state: ShipmentState) -> Sequence[e.ShipmentEvent]:
    if state.status is ShipmentStatus.DELIVERED:
        return []
    _require(command, state, ShipmentStatus.DISPATCHED)
    return [e.ShipmentDelivered(order_id=command.aggregate_id)]


def _cancel(command: c.RecordShipmentCancelled, state: ShipmentState) -> Sequence[e.ShipmentEvent]:
    if state.status is ShipmentStatus.CANCELLED and not state.is_stopped:
        return []
    if state.status is not None and not state.is_stopped:
        _require(command, state, ShipmentStatus.CREATED)
    return [e.ShipmentCancelled(order_id=command.aggregate_id)]


def _stop(command: c.RecordShipmentStopped, state: ShipmentState) -> Sequence[e.ShipmentEvent]:
    if command.booking < state.booking or state.status is ShipmentStatus.CANCELLED:
        return []
    if state.status is not None:
        _require(command, state, ShipmentStatus.CREATED)
    return [
        e.ShipmentStopped(
            order_id=command.aggregate_id, booking=command.booking, attempt=command.attempt
        )
    ]


def _lose(command: c.RecordLoss, state: ShipmentState) -> Sequence[e.ShipmentEvent]:
    if state.status is ShipmentStatus.LOST:
        return []
    if state.status in _NOT_LOST:
        _require(command, state, ShipmentStatus.DISPATCHED)
    return [e.ShipmentLost(order_id=command.aggregate_id)]


def _return_to_sender(
    command: c.RecordReturnToSender, state: ShipmentState
) -> Sequence[e.ShipmentEvent]:
    if state.status is ShipmentStatus.RETURNED_TO_SENDER:
        return []
    if state.status is ShipmentStatus.CANCELLED:
        _require(command, state, ShipmentStatus.DISPATCHED)
    return [e.ShipmentReturnedToSender(order_id=command.aggregate_id)]


def _request_return(
    command: c.RecordReturnShipment, state: ShipmentState
) -> Sequence[e.ShipmentEvent]:
    if state.return_id is not None:
        return []
    return [e.ShipmentReturnRequested(order_id=command.aggregate_id, return_id=command.return_id)]


def _take_back(command: c.RecordGoodsBack, state: ShipmentState) -> Sequence[e.ShipmentEvent]:
    if state.is_back:
        return []
    return [e.ShipmentReturned(order_id=command.aggregate_id)]


def _require(command: c.ShipmentCommand, state: ShipmentState, status: ShipmentStatus) -> None:
    if state.status is not status:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"the shipment of order {command.aggregate_id} is {state.status}, not {status}",
        )


SHIPMENT: Aggregate[ShipmentState] = Aggregate("shipment", ShipmentState(), decide, evolve)
