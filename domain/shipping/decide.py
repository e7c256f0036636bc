from __future__ import annotations

from collections.abc import Sequence

from domain.aggregate import Aggregate
from domain.errors import ErrorCode, Refused
from domain.shipping import commands as c
from domain.shipping import events as e
from domain.shipping.state import ShipmentState, ShipmentStatus, evolve


def decide(command: c.ShipmentCommand, state: ShipmentState) -> Sequence[e.ShipmentEvent]:
    match command:
        case c.RecordShipment():
            return _create(command, state)
        case c.RecordDispatch():
            return _dispatch(command, state)
        case c.RecordDelivery():
            return _deliver(command, state)
        case c.RecordShipmentCancelled():
            return _cancel(command, state)
        case _:
            raise TypeError(f"shipping knows no {command.command_type}")


def _create(command: c.RecordShipment, state: ShipmentState) -> Sequence[e.ShipmentEvent]:
    if state.status is not None:
        return []
    return [
        e.ShipmentCreated(
            order_id=command.aggregate_id,
            shipment_id=command.shipment_id,
            tracking_number=command.tracking_number,
        )
    ]


def _dispatch(command: c.RecordDispatch, state: ShipmentState) -> Sequence[e.ShipmentEvent]:
    if state.status in {ShipmentStatus.DISPATCHED, ShipmentStatus.DELIVERED}:
        return []
    _require(command, state, ShipmentStatus.CREATED)
    return [e.ShipmentDispatched(order_id=command.aggregate_id)]


def _deliver(command: c.RecordDelivery, state: ShipmentState) -> Sequence[e.ShipmentEvent]:
    if state.status is ShipmentStatus.DELIVERED:
        return []
    _require(command, state, ShipmentStatus.DISPATCHED)
    return [e.ShipmentDelivered(order_id=command.aggregate_id)]


def _cancel(command: c.RecordShipmentCancelled, state: ShipmentState) -> Sequence[e.ShipmentEvent]:
    if state.status is ShipmentStatus.CANCELLED:
        return []
    if state.status is not None:
        _require(command, state, ShipmentStatus.CREATED)
    return [e.ShipmentCancelled(order_id=command.aggregate_id)]


def _require(command: c.ShipmentCommand, state: ShipmentState, status: ShipmentStatus) -> None:
    if state.status is not status:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"the shipment of order {command.aggregate_id} is {state.status}, not {status}",
        )


SHIPMENT: Aggregate[ShipmentState] = Aggregate("shipment", ShipmentState(), decide, evolve)
