"""Fold an order from its events: the rows of its read models, and the order that they show.

It is the one definition of these rows besides the projections. A test compares both after each
event. No I/O happens here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final

from domain.order.decide import ORDER
from domain.order.events import OrderCreated, OrderRejected, OrderReturned
from domain.order.state import KEEPING_STATUS
from domain.payment.decide import PAYMENT
from domain.payment.events import PaymentRequested
from domain.shipping.decide import SHIPMENT
from domain.shipping.events import (
    ShipmentCreated,
    ShipmentDispatched,
    ShipmentLost,
    ShipmentReturnedToSender,
)
from eventstore.envelope import StoredEvent
from projections.tables import payment_view, shipment_view
from queries.order_view import OrderView, order_of

Row = Mapping[str, Any]
Stream = Sequence[StoredEvent]

_FIRST_OF_SHIPMENT: Final = (
    ShipmentCreated,
    ShipmentDispatched,
    ShipmentLost,
    ShipmentReturnedToSender,
)
_NO_PAYMENT: Final[Row] = dict.fromkeys(payment_view.c.keys())
_NO_SHIPMENT: Final[Row] = dict.fromkeys(shipment_view.c.keys())


def folded(events: Iterable[StoredEvent]) -> OrderView | None:
    """Return the order after these events of its streams, or None before it was placed.

    The events of each stream are in version order. `backordered` and `attention_since` are None:
    the streams of the order do not hold them.
    """
    streams: dict[str, list[StoredEvent]] = {}
    for stored in events:
        streams.setdefault(stored.category, []).append(stored)
    order = order_row(streams.get(ORDER.category, []))
    if order is None:
        return None
    payment = payment_row(streams.get(PAYMENT.category, [])) or _NO_PAYMENT
    shipment = shipment_row(streams.get(SHIPMENT.category, [])) or _NO_SHIPMENT
    return order_of(
        SimpleNamespace(
            **order,
            **{f"payment_{name}": value for name, value in payment.items()},
            **{f"shipment_{name}": value for name, value in shipment.items()},
            backordered=None,
            attention_since=None,
        )
    )


def order_row(stream: Stream) -> Row | None:
    if not stream:
        return None
    placed, *later = [stored.decode() for stored in stream]
    assert isinstance(placed, OrderCreated)  # noqa: S101 - the first event of each order
    state = ORDER.fold([placed, *later])
    moved = [each for each in stream if not isinstance(each.decode(), KEEPING_STATUS)]
    rejections = [event.reason for event in later if isinstance(event, OrderRejected)]
    return {
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
        "updated_at": moved[-1].recorded_at,
        "placed_position": stream[0].position,
        "position": stream[-1].position,
    }


def payment_row(stream: Stream) -> Row | None:
    """Fold a payment, which has a row from its first attempt on."""
    events = [stored.decode() for stored in stream]
    if not any(isinstance(event, PaymentRequested) for event in events):
        return None
    state = PAYMENT.fold(events)
    return {
        "order_id": stream[0].aggregate_id,
        "status": state.status,
        "attempt": state.attempt,
        "currency": state.amount.currency,
        "amount": state.amount.amount,
        "captured": state.captured,
        "refunded": state.refunded,
        "disputed": state.disputed,
        "dispute_won": state.won,
        "dispute_lost": state.lost,
        "refunded_elsewhere": state.refunded_elsewhere,
        "reference": state.reference,
        "action_url": state.action_url,
        "decline_code": state.decline_code,
        "position": stream[-1].position,
    }


def shipment_row(stream: Stream) -> Row | None:
    """Fold a shipment, which has a row from when the carrier is known to have the parcel."""
    events = [stored.decode() for stored in stream]
    if not any(isinstance(event, _FIRST_OF_SHIPMENT) for event in events):
        return None
    state = SHIPMENT.fold(events)
    return {
        "order_id": stream[0].aggregate_id,
        "status": state.status,
        "shipment_id": state.shipment_id,
        "tracking_number": state.tracking and state.tracking.number,
        "carrier": state.tracking and state.tracking.carrier,
        "tracking_url": state.tracking and state.tracking.url,
        "position": stream[-1].position,
    }
