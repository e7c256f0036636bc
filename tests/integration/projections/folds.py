"""Fold the rows of each read model from the events of one stream, in plain Python.

`queries/order_fold.py` folds those of an order, its payment and its shipment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from domain.event import Event
from domain.inventory import events as inventory
from domain.inventory.decide import INVENTORY
from domain.note.events import OrderNoteAdded
from domain.order import events as order
from domain.privacy import Sealed
from domain.product.decide import PRODUCT
from domain.saga import events as saga
from eventstore.envelope import StoredEvent
from queries.order_fold import order_row, payment_row, shipment_row

Row = Mapping[str, Any]
ACCEPTANCE: Final = ("accepted_at", "accepted_by", "accepted_reason")
Stream = Sequence[StoredEvent]


class ReadModel(NamedTuple):
    table: str
    category: str
    fold: Callable[[Stream], Iterable[Row]]


def at_most_one(fold: Callable[[Stream], Row | None]) -> Callable[[Stream], Iterable[Row]]:
    def rows(stream: Stream) -> Iterable[Row]:
        row = fold(stream)
        return [] if row is None else [row]

    return rows


def decoded(stream: Stream) -> Sequence[Event]:
    return [stored.decode() for stored in stream]


def order_note(stream: Stream) -> Iterable[Row]:
    for stored in stream:
        event = stored.decode()
        assert isinstance(event, OrderNoteAdded)
        assert isinstance(event.text, Sealed)
        yield {
            "order_id": event.order_id,
            "number": stored.version,
            "customer_id": event.customer_id,
            "text": event.text.model_dump(mode="json"),
            "actor": stored.metadata.actor,
            "added_at": stored.recorded_at,
            "position": stored.position,
        }


def inventory_view(stream: Stream) -> Iterable[Row]:
    waiting = (inventory.BackorderQueued, inventory.BackorderEnded)
    moves = [stored for stored in stream if not isinstance(stored.decode(), waiting)]
    if not moves:
        return
    state = INVENTORY.fold(decoded(moves))
    yield {
        "sku": stream[0].aggregate_id,
        "received": state.received,
        "adjusted": state.adjusted,
        "reserved": state.reserved,
        "shipped": state.shipped,
        "on_hand": state.on_hand,
        "available": state.available,
        "position": moves[-1].position,
    }


def backorder_view(stream: Stream) -> Iterable[Row]:
    rows: dict[str, Row] = {}
    for stored in stream:
        match stored.decode():
            case inventory.BackorderQueued() as event:
                row = event.model_dump(exclude={"since"})
                rows[event.order_id] = row | {"position": stored.position}
            case inventory.BackorderEnded() as event:
                del rows[event.order_id]
    return rows.values()


def product_view(stream: Stream) -> Iterable[Row]:
    state = PRODUCT.fold(decoded(stream))
    assert state.price is not None
    yield {
        "sku": stream[0].aggregate_id,
        "name": state.name,
        "currency": state.price.currency,
        "price": state.price.amount,
        "discontinued": state.is_discontinued,
        "position": stream[-1].position,
    }


def parked_step(stream: Stream) -> Iterable[Row]:
    rows: dict[str, Row] = {}
    for stored in stream:
        match stored.decode():
            case saga.SagaParked() as event:
                at = {"parked_at": stored.recorded_at, "position": stored.position}
                rows[event.step] = event.model_dump() | at
            case saga.SagaStepIntervened() | saga.SagaUnparked() as event:
                del rows[event.step]
    return rows.values()


def saga_recovery(stream: Stream) -> Iterable[Row]:
    times = sum(isinstance(event, saga.SagaRecovered) for event in decoded(stream))
    if times:
        yield {"order_id": stream[0].aggregate_id, "times": times}


def saga_discrepancy(stream: Stream) -> Iterable[Row]:
    """Fold a discrepancy. Its time is that of the first difference, also after a new difference."""
    rows: dict[str, dict[str, Any]] = {}
    for stored in stream:
        match stored.decode():
            case saga.DiscrepancyFound() as event:
                found_at = rows.get(event.system, {}).get("found_at", stored.recorded_at)
                at = {"found_at": found_at, "position": stored.position}
                rows[event.system] = event.model_dump() | at | dict.fromkeys(ACCEPTANCE)
            case saga.DiscrepancyAccepted() as event:
                rows[event.system] |= {
                    "accepted_at": stored.recorded_at,
                    "accepted_by": stored.metadata.actor,
                    "accepted_reason": event.reason,
                    "position": stored.position,
                }
            case saga.DiscrepancyResolved() as event:
                del rows[event.system]
    return rows.values()


def order_refund(stream: Stream) -> Iterable[Row]:
    rows: dict[int, dict[str, Any]] = {}
    for stored in stream:
        match stored.decode():
            case order.OrderRefundRequested() as event:
                facts = event.model_dump(mode="json")
                rows[event.refund] = {
                    "order_id": event.order_id,
                    "number": event.refund,
                    "requested_by": stored.metadata.actor,
                    "requested_at": stored.recorded_at,
                    "refunded": None,
                    "ended_at": None,
                    **facts["amount"],
                    **{name: facts[name] for name in ("price", "lines", "reason", "key")},
                }
            case order.OrderRefundEnded() as event:
                rows[event.refund]["refunded"] = event.refunded.amount
                rows[event.refund]["ended_at"] = stored.recorded_at
            case _:
                continue
        rows[event.refund]["position"] = stored.position
    return rows.values()


READ_MODELS: Final = (
    ReadModel("order_view", "order", at_most_one(order_row)),
    ReadModel("order_refund", "order", order_refund),
    ReadModel("order_note", "note", order_note),
    ReadModel("payment_view", "payment", at_most_one(payment_row)),
    ReadModel("shipment_view", "shipment", at_most_one(shipment_row)),
    ReadModel("inventory_view", "inventory", inventory_view),
    ReadModel("backorder_view", "inventory", backorder_view),
    ReadModel("product_view", "product", product_view),
    ReadModel("parked_step", "saga", parked_step),
    ReadModel("saga_recovery", "saga", saga_recovery),
    ReadModel("saga_discrepancy", "saga", saga_discrepancy),
)
