"""An order as it was is the fold of its first events."""

from __future__ import annotations

from dataclasses import replace

from domain.order import events as order
from domain.order.commands import CancellationReason
from domain.order.state import OrderStatus
from domain.payment import events as payment
from domain.payment.state import PaymentStatus
from domain.shipping import events as shipping
from domain.shipping.state import ShipmentStatus
from queries.order_fold import folded
from queries.order_history import until
from queries.order_view import OrderView
from tests.unit.queries.saga_log import EUROS, START, SagaLog, at


def views(log: SagaLog) -> list[OrderView]:
    """Return the order after each of its events."""
    found = [folded(log.events[: count + 1]) for count in range(len(log.events))]
    return [view for view in found if view is not None]


def test_there_is_no_order_without_events() -> None:
    assert folded([]) is None


def test_events_of_a_payment_alone_are_no_order() -> None:
    requested = payment.PaymentRequested(order_id="o1", attempt=1, amount=EUROS, method="pm")

    assert folded(SagaLog().add("authorize", requested).events) is None


def test_a_new_order_has_neither_payment_nor_shipment() -> None:
    (view,) = views(SagaLog().placed())

    assert (view.id, view.customer_id, view.status, view.reason) == (
        *("o1", "ada", OrderStatus.PLACED, None),
    )
    assert (view.payment, view.shipment) == (None, None)
    assert (view.total, view.price.total, view.refunded.total) == (EUROS, 500, 0)
    assert [(line.sku, line.quantity, line.total.amount) for line in view.lines] == [
        ("mug", 2, 500)
    ]
    assert (view.placed_at, view.updated_at) == (START, START)
    assert (view.placed_position, view.position) == (1, 1)


def test_what_other_streams_hold_is_not_known() -> None:
    (view,) = views(SagaLog().placed())

    assert (view.backordered, view.needs_attention) == (None, None)


def test_each_event_moves_the_order_its_payment_or_its_shipment() -> None:
    seen = [
        (
            view.status,
            view.payment and view.payment.status,
            view.shipment and view.shipment.status,
            view.position,
        )
        for view in views(SagaLog().delivered())
    ]

    o, p, s = OrderStatus, PaymentStatus, ShipmentStatus
    assert seen == [
        (o.PLACED, None, None, 1),
        (o.RESERVED, None, None, 2),
        (o.RESERVED, p.REQUESTED, None, 3),
        (o.RESERVED, p.AUTHORIZED, None, 4),
        (o.AUTHORIZED, p.AUTHORIZED, None, 5),
        (o.CONFIRMED, p.AUTHORIZED, None, 6),
        (o.CONFIRMED, p.AUTHORIZED, s.CREATED, 7),
        (o.SHIPPED, p.AUTHORIZED, s.CREATED, 8),
        (o.SHIPPED, p.CAPTURED, s.CREATED, 9),
        (o.DELIVERED, p.CAPTURED, s.CREATED, 10),
    ]


def test_a_later_event_does_not_show_in_an_earlier_order() -> None:
    log = SagaLog().captured()
    before = folded(log.events)
    reason = CancellationReason.CUSTOMER_REQUEST
    cancelling = order.OrderCancellationRequested(order_id="o1", reason=reason)
    refunded = payment.PaymentRefunded(
        order_id="o1", reference="pi_1", amount=EUROS, refunded_in_all=EUROS, purpose="refund"
    )
    log.add("cancel", cancelling).add("refund", refunded)

    assert folded(log.events[:-2]) == before
    assert before is not None
    assert (before.reason, before.refunded.total) == (None, 0)
    after = folded(log.events)
    assert after is not None
    assert (after.reason, after.refunded.total) == (reason, 500)
    assert after.payment is not None
    assert after.payment.status is PaymentStatus.REFUNDED


def test_a_tracking_number_alone_is_no_shipment() -> None:
    number = shipping.TrackingNumberAssigned(
        order_id="o1", tracking_number="P-1", carrier="Post", tracking_url=None
    )
    log = SagaLog().placed().add("track", number)
    (_, numbered) = views(log)
    assert numbered.shipment is None

    (*_, left) = views(log.add("track", shipping.ShipmentDispatched(order_id="o1")))

    assert left.shipment is not None
    assert (left.shipment.status, left.shipment.tracking_number) == (
        *(ShipmentStatus.DISPATCHED, "P-1"),
    )


def test_each_stream_ends_before_its_own_first_later_event() -> None:
    events = SagaLog().confirmed().events

    past = until(lambda stored: stored.recorded_at <= at(2), events)

    assert [(e.stream_id, e.type) for e in past] == [
        ("order-o1", "OrderCreated"),
        ("order-o1", "OrderReserved"),
        ("payment-o1", "PaymentRequested"),
    ]
    assert list(until(lambda e: e.recorded_at < START, events)) == []


def test_a_later_version_with_an_earlier_time_is_not_past() -> None:
    """The clock was set back after the second event of the stream."""
    placed, reserved, confirmed = (
        SagaLog().reserved().add("confirm", order.OrderConfirmed(order_id="o1")).events
    )
    events = [placed, replace(reserved, recorded_at=at(9)), replace(confirmed, recorded_at=at(2))]

    past = until(lambda stored: stored.recorded_at <= at(3), events)

    assert [event.type for event in past] == ["OrderCreated"]
