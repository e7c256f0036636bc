"""Fold the rows of each read model from the events of one stream, in plain Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from domain.event import Event
from domain.inventory import events as inventory
from domain.inventory.decide import INVENTORY
from domain.note.events import OrderNoteAdded
from domain.order.decide import ORDER
from domain.order.events import OrderCreated, OrderRejected, OrderReturned
from domain.payment import events as payment
from domain.payment.decide import PAYMENT
from domain.privacy import Sealed
from domain.product.decide import PRODUCT
from domain.saga import events as saga
from domain.shipping import events as shipping
from domain.shipping.decide import SHIPMENT
from eventstore.envelope import StoredEvent

Row = Mapping[str, Any]
Stream = Sequence[StoredEvent]


class ReadModel(NamedTuple):
    table: str
    category: str
    fold: Callable[[Stream], Iterable[Row]]


def decoded(stream: Stream) -> Sequence[Event]:
    return [stored.decode() for stored in stream]


def order_view(stream: Stream) -> Iterable[Row]:
    placed, *later = decoded(stream)
    assert isinstance(placed, OrderCreated)
    state = ORDER.fold([placed, *later])
    rejections = [event.reason for event in later if isinstance(event, OrderRejected)]
    yield {
        "order_id": placed.order_id,
        "number": placed.number,
        "customer_id": placed.customer_id,
        "status": state.status,
        "reason": rejections[-1] if rejections else state.cancellation,
        "currency": placed.total.currency,
        "total": placed.total.amount,
        "price": placed.price.model_dump(),
        "refunds": [e.refund.model_dump() for e in later if isinstance(e, OrderReturned)],
        "discount_code": placed.discount_code,
        "lines": [line.model_dump() for line in placed.lines],
        "fingerprint": placed.fingerprint,
        "promises": placed.promises.model_dump(mode="json"),
        "reference": placed.reference,
        "metadata": placed.metadata or None,
        "return_requested": state.returning is not None,
        "placed_at": stream[0].recorded_at,
        "updated_at": stream[-1].recorded_at,
        "placed_position": stream[0].position,
        "position": stream[-1].position,
    }


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


def payment_view(stream: Stream) -> Iterable[Row]:
    events = decoded(stream)
    if not any(isinstance(event, payment.PaymentRequested) for event in events):
        return
    state = PAYMENT.fold(events)
    yield {
        "order_id": stream[0].aggregate_id,
        "status": state.status,
        "attempt": state.attempt,
        "currency": state.amount.currency,
        "amount": state.amount.amount,
        "captured": state.captured,
        "refunded": state.refunded,
        "reference": state.reference,
        "action_url": state.action_url,
        "decline_code": state.decline_code,
        "position": stream[-1].position,
    }


def shipment_view(stream: Stream) -> Iterable[Row]:
    """Fold a shipment, which has a row from when the carrier is known to have the parcel."""
    events = decoded(stream)
    first = (shipping.ShipmentCreated, shipping.ShipmentDispatched, shipping.ShipmentLost)
    if not any(isinstance(event, first) for event in events):
        return
    state = SHIPMENT.fold(events)
    yield {
        "order_id": stream[0].aggregate_id,
        "status": state.status,
        "shipment_id": state.shipment_id,
        "tracking_number": state.tracking and state.tracking.number,
        "carrier": state.tracking and state.tracking.carrier,
        "tracking_url": state.tracking and state.tracking.url,
        "position": stream[-1].position,
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
                rows[event.order_id] = event.model_dump() | {"position": stored.position}
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
            case saga.SagaStepIntervened() as event:
                del rows[event.step]
    return rows.values()


def abandoned_saga(stream: Stream) -> Iterable[Row]:
    passing_over = (saga.SagaStepSkipped, saga.SagaStepResolved)
    if any(isinstance(e, passing_over) and e.step == "complete" for e in decoded(stream)):
        yield {"order_id": stream[0].aggregate_id}


def saga_recovery(stream: Stream) -> Iterable[Row]:
    times = sum(isinstance(event, saga.SagaRecovered) for event in decoded(stream))
    if times:
        yield {"order_id": stream[0].aggregate_id, "times": times}


def saga_discrepancy(stream: Stream) -> Iterable[Row]:
    """Fold a discrepancy. Its time is that of the first difference, also after a new difference."""
    rows: dict[str, Row] = {}
    for stored in stream:
        match stored.decode():
            case saga.DiscrepancyFound() as event:
                found_at = rows.get(event.system, {}).get("found_at", stored.recorded_at)
                at = {"found_at": found_at, "position": stored.position}
                rows[event.system] = event.model_dump() | at
            case saga.DiscrepancyResolved() as event:
                del rows[event.system]
    return rows.values()


READ_MODELS: Final = (
    ReadModel("order_view", "order", order_view),
    ReadModel("order_note", "note", order_note),
    ReadModel("payment_view", "payment", payment_view),
    ReadModel("shipment_view", "shipment", shipment_view),
    ReadModel("inventory_view", "inventory", inventory_view),
    ReadModel("backorder_view", "inventory", backorder_view),
    ReadModel("product_view", "product", product_view),
    ReadModel("parked_step", "saga", parked_step),
    ReadModel("abandoned_saga", "saga", abandoned_saga),
    ReadModel("saga_recovery", "saga", saga_recovery),
    ReadModel("saga_discrepancy", "saga", saga_discrepancy),
)
