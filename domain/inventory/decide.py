from __future__ import annotations

from collections.abc import Sequence

from domain.aggregate import Aggregate
from domain.errors import ErrorCode, Refused
from domain.inventory import commands as c
from domain.inventory import events as e
from domain.inventory.state import InventoryState, evolve


def decide(command: c.InventoryCommand, state: InventoryState) -> Sequence[e.InventoryEvent]:  # noqa: PLR0911 - one for each command
    sku = command.aggregate_id
    match command:
        case c.ReceiveStock():
            return [e.StockReceived(sku=sku, quantity=command.quantity)]
        case c.AdjustStock():
            return _adjust(command, state)
        case c.ReserveStock():
            return _reserve(command, state)
        case c.ReleaseStock():
            return [*_release(command, state), *_end_waiting(sku, command.order_id, state)]
        case c.CommitStock():
            return _commit(command, state)
        case c.ReturnStock():
            return _return(command, state)
        case c.QueueBackorder():
            return _queue(command, state)
        case _:
            raise TypeError(f"inventory does not support {command.command_type}")


def _adjust(command: c.AdjustStock, state: InventoryState) -> Sequence[e.InventoryEvent]:
    """Take reserved pieces away too: they are gone, whatever the log says."""
    sku, difference = command.aggregate_id, command.difference
    if -difference > max(state.on_hand, 0):
        raise Refused(
            ErrorCode.INSUFFICIENT_STOCK,
            f"{sku}: {-difference} to be taken away, but {state.on_hand} are on hand: take at most "
            "those away",
            ("input", "difference"),
        )
    return [e.StockAdjusted(sku=sku, difference=difference, reason=command.reason)]


def _reserve(command: c.ReserveStock, state: InventoryState) -> Sequence[e.InventoryEvent]:
    sku = command.aggregate_id
    if command.order_id in state.reservations:
        return []
    if not state.suffices_for(command.order_id, command.quantity):
        raise Refused(
            ErrorCode.OUT_OF_STOCK,
            f"{sku}: {command.quantity} wanted, fewer available",
            (sku,),
        )
    return [
        *_end_waiting(sku, command.order_id, state),
        e.InventoryReserved(sku=sku, order_id=command.order_id, quantity=command.quantity),
    ]


def _release(command: c.ReleaseStock, state: InventoryState) -> Sequence[e.InventoryEvent]:
    held = state.reservations.get(command.order_id)
    if held is None:
        return []
    return [e.InventoryReleased(sku=command.aggregate_id, order_id=command.order_id, quantity=held)]


def _commit(command: c.CommitStock, state: InventoryState) -> Sequence[e.InventoryEvent]:
    held = state.reservations.get(command.order_id)
    if held is None:
        return []
    return [
        e.InventoryCommitted(sku=command.aggregate_id, order_id=command.order_id, quantity=held)
    ]


def _return(command: c.ReturnStock, state: InventoryState) -> Sequence[e.InventoryEvent]:
    sku = command.aggregate_id
    if command.order_id in state.returns:
        return []
    if command.quantity > state.shipped:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"{sku}: {command.quantity} to be returned, {state.shipped} have left",
        )
    return [e.StockReturned(sku=sku, order_id=command.order_id, quantity=command.quantity)]


def _queue(command: c.QueueBackorder, state: InventoryState) -> Sequence[e.InventoryEvent]:
    """Queue the order for pieces that are there, too: another of its products is short, and nobody
    may take these meanwhile."""
    sku, order_id, quantity = command.aggregate_id, command.order_id, command.quantity
    if order_id in state.reservations or order_id in state.waiting:
        return []
    since = command.since
    return [e.BackorderQueued(sku=sku, order_id=order_id, quantity=quantity, since=since)]


def _end_waiting(sku: str, order_id: str, state: InventoryState) -> Sequence[e.InventoryEvent]:
    quantity = state.waiting.get(order_id)
    if quantity is None:
        return []
    return [e.BackorderEnded(sku=sku, order_id=order_id, quantity=quantity)]


INVENTORY: Aggregate[InventoryState] = Aggregate(
    "inventory", InventoryState(), decide, evolve, snapshot_every=100
)
