from __future__ import annotations

from domain.order import events as e
from domain.order.commands import CancellationReason
from projections.orders import ORDERS
from projections.tables import order_view
from tests.samples.examples import CREATED, ORDER, REFUND, RETURNED
from tests.support.projections import given, recorded_at

REQUESTED = e.OrderReturnRequested(order_id=ORDER, lines=RETURNED, refund=REFUND)


def test_an_order_is_placed() -> None:
    row = {
        "order_id": ORDER,
        "number": CREATED.number,
        "customer_id": "ada",
        "status": "PLACED",
        "reason": None,
        "currency": "EUR",
        "total": 3_796,
        "price": CREATED.price.model_dump(),
        "refunds": [],
        "discount_code": "WELCOME",
        "lines": [line.model_dump(mode="json") for line in CREATED.lines],
        "promises": CREATED.promises.model_dump(mode="json"),
        "metadata": None,
        "return_requested": False,
        "placed_at": recorded_at(1),
        "updated_at": recorded_at(1),
        "placed_position": 1,
        "position": 1,
    }
    given(ORDERS, [CREATED]).then({order_view: [row]})


def test_an_event_moves_the_order_and_not_its_placing() -> None:
    row = {
        "status": "RESERVED",
        "placed_at": recorded_at(1),
        "updated_at": recorded_at(2),
        "placed_position": 1,
        "position": 2,
    }
    given(ORDERS, [CREATED, e.OrderReserved(order_id=ORDER)]).then({order_view: [row]})


def test_an_order_whose_cancellation_is_withdrawn_has_no_reason() -> None:
    reason = CancellationReason.CUSTOMER_REQUEST
    asked = [CREATED, e.OrderCancellationRequested(order_id=ORDER, reason=reason)]
    given(ORDERS, asked).then({order_view: [{"reason": reason}]})
    withdrawn = e.OrderCancellationWithdrawn(order_id=ORDER)
    given(ORDERS, [*asked, withdrawn]).then({order_view: [{"reason": None}]})


def test_each_return_adds_its_refund_and_ends_the_request() -> None:
    returned = e.OrderReturned(
        order_id=ORDER, lines=RETURNED, refund=REFUND, refunded=REFUND.money, is_whole=False
    )
    given(ORDERS, [CREATED, REQUESTED]).then({order_view: [{"return_requested": True}]})
    row = {"refunds": [REFUND.model_dump()] * 2, "return_requested": False}
    given(ORDERS, [CREATED, *(REQUESTED, returned) * 2]).then({order_view: [row]})
