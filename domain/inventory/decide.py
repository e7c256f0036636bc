from __future__ import annotations

from collections.abc import Sequence

from domain.aggregate import Aggregate
from domain.errors import ErrorCode, Refused
from domain.inventory import commands as c
from domain.inventory import events as e
from domain.inventory.state import InventoryState, evolve


def decide(command: c.InventoryCommand, state: InventoryState) -> Sequence[e.InventoryEvent]:
    sku = command.aggregate_id
    match command:
        case c.ReceiveStock():
            return [e.StockReceived(sku=sku, quantity=command.quantity)]
        case c.ReserveStock():
            return _reserve(command, state)
        case c.ReleaseStock():
            held = state.reservations.get(command.order_id)
            return _if_held(held, e.InventoryReleased, sku, command.order_id)
        case c.CommitStock():
            held = state.reservations.get(command.order_id)
            return _if_held(held, e.InventoryCommitted, sku, command.order_id)
        case _:
            raise TypeError(f"inventory knows no {command.command_type}")


def _reserve(command: c.ReserveStock, state: InventoryState) -> Sequence[e.InventoryEvent]:
    sku = command.aggregate_id
    if command.order_id in state.reservations:
        return []
    if command.quantity > state.on_hand:
        raise Refused(
            ErrorCode.OUT_OF_STOCK,
            f"{sku}: {command.quantity} wanted, {state.on_hand} on hand",
            (sku,),
        )
    return [e.InventoryReserved(sku=sku, order_id=command.order_id, quantity=command.quantity)]


def _if_held(
    held: int | None,
    event: type[e.InventoryReleased] | type[e.InventoryCommitted],
    sku: str,
    order_id: str,
) -> Sequence[e.InventoryEvent]:
    return [] if held is None else [event(sku=sku, order_id=order_id, quantity=held)]


INVENTORY: Aggregate[InventoryState] = Aggregate(
    "inventory", InventoryState(), decide, evolve, snapshot_every=100
)
