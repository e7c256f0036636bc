"""Promise money back: never more than was captured, and each piece once."""

from __future__ import annotations

from typing import Any, Final

import pytest

from domain.errors import ErrorCode
from domain.money import Money
from domain.order import commands as c
from domain.order import events as e
from domain.order.commands import CancellationReason
from domain.order.decide import ORDER
from domain.order.lines import ReturnedLine
from domain.order.price import Price
from domain.order.state import OrderStatus
from tests.unit.domain.examples import CREATED, ORDER_ID
from tests.unit.domain.specification import Specification

order = Specification(ORDER)

CAPTURED: Final = 3_000
DELIVERED: Final = (
    CREATED,
    *(
        event(order_id=ORDER_ID)
        for event in (
            e.OrderReserved,
            e.OrderAuthorized,
            e.OrderConfirmed,
            e.OrderShipped,
            e.OrderDelivered,
        )
    ),
)
CUP: Final = (ReturnedLine(sku="cup", quantity=1),)
PRICE_OF_CUP: Final = Price(currency="EUR", lines=450, total=450)


def ask(**what: Any) -> c.RequestRefund:  # noqa: ANN401 - any field of the command
    facts = {"key": "k", "reason": "a scratch", "captured": CAPTURED, **what}
    return c.RequestRefund(aggregate_id=ORDER_ID, **facts)


def euros(amount: int) -> Money:
    return Money(amount=amount, currency="EUR")


def promised(amount: int, number: int = 1, key: str = "k", **what: Any) -> e.OrderRefundRequested:  # noqa: ANN401
    facts: dict[str, Any] = {"price": None, "lines": (), "reason": "a scratch", **what}
    return e.OrderRefundRequested(
        order_id=ORDER_ID, refund=number, amount=euros(amount), key=key, **facts
    )


def ended(refunded: int, *, is_given_up: bool = False) -> e.OrderRefundEnded:
    return e.OrderRefundEnded(
        order_id=ORDER_ID, refund=1, refunded=euros(refunded), is_given_up=is_given_up
    )


def given(step: str, amount: int) -> dict[str, Any]:
    """Return the facts of a payment of which this step has refunded the amount."""
    return {"given_back": amount, "given_for": {step: amount}}


RETURN_OF_CUP: Final = e.OrderReturnRequested(order_id=ORDER_ID, lines=CUP, refund=PRICE_OF_CUP)
CUP_IS_BACK: Final = e.OrderReturned(
    order_id=ORDER_ID, lines=CUP, refund=PRICE_OF_CUP, refunded=PRICE_OF_CUP.money, is_whole=False
)


def test_an_amount_is_promised() -> None:
    order.given(DELIVERED).when(ask(amount=500)).then([promised(500)])


def test_the_price_of_pieces_is_promised_as_their_return_would_refund_it() -> None:
    order.given(DELIVERED).when(ask(lines=CUP)).then([promised(450, lines=CUP, price=PRICE_OF_CUP)])


@pytest.mark.parametrize(
    ("events", "facts", "left"),
    [
        ([], {}, 3_000),
        ([promised(1_000, key="other")], {}, 2_000),
        ([promised(1_000, key="other")], given("refund_order_1", 400), 2_000),
        ([promised(1_000, key="other"), ended(1_000)], given("refund_order_1", 1_000), 2_000),
        ([promised(1_000, key="other"), ended(0)], {}, 3_000),
        ([RETURN_OF_CUP], {}, 2_550),
        ([RETURN_OF_CUP], given("refund", 100), 2_550),
        ([RETURN_OF_CUP, CUP_IS_BACK], given("refund", 450), 2_550),
        ([RETURN_OF_CUP, CUP_IS_BACK], {}, 3_000),
        ([RETURN_OF_CUP, e.OrderReturnLapsed(order_id=ORDER_ID)], {}, 3_000),
        ([], {"given_back": 700}, 2_300),
        ([], {"failed": 450}, 2_550),
        ([promised(1_000, key="other")], {"given_back": 2_500}, 0),
        ([e.OrderCompleted(order_id=ORDER_ID)], {}, 3_000),
    ],
)
def test_no_more_is_promised_than_is_left(
    events: list[e.OrderEvent], facts: dict[str, Any], left: int
) -> None:
    history = order.given([*DELIVERED, *events])

    refusal = history.when(ask(amount=left + 1, **facts)).then_refused(ErrorCode.REFUND_TOO_LARGE)
    assert refusal.field == ("input", "amount")
    assert refusal.message == (
        f"{left + 1} EUR cannot be refunded: {left} of the 3000 that were captured are left"
        " (minor units)"
    )
    if left:
        assert history.when(ask(amount=left, **facts)).decide()


def test_a_piece_is_refunded_once() -> None:
    both = (ReturnedLine(sku="cup", quantity=2),)
    first = promised(450, key="other", lines=CUP, price=PRICE_OF_CUP)

    refusal = (
        order.given([*DELIVERED, first])
        .when(ask(lines=both))
        .then_refused(ErrorCode.REFUND_TOO_LARGE)
    )

    assert refusal.field == ("input", "lines", "0", "quantity")
    order.given([*DELIVERED, first]).when(ask(lines=CUP)).then(
        [promised(450, number=2, lines=CUP, price=PRICE_OF_CUP)]
    )


def test_the_return_of_a_refunded_piece_gives_no_money_back_for_it() -> None:
    both = (ReturnedLine(sku="cup", quantity=2),)
    first = promised(450, key="other", lines=CUP, price=PRICE_OF_CUP)

    order.given([*DELIVERED, first]).when(c.RequestReturn(aggregate_id=ORDER_ID, lines=both)).then(
        [e.OrderReturnRequested(order_id=ORDER_ID, lines=both, refund=PRICE_OF_CUP)]
    )


def test_the_pieces_of_a_refund_that_was_given_up_are_refunded_later() -> None:
    both = (ReturnedLine(sku="cup", quantity=2),)
    price = Price(currency="EUR", lines=900, total=900)
    first = promised(900, key="other", lines=both, price=price)
    given_up = order.given([*DELIVERED, first, ended(0, is_given_up=True)])

    given_up.when(c.RequestReturn(aggregate_id=ORDER_ID, lines=both)).then(
        [e.OrderReturnRequested(order_id=ORDER_ID, lines=both, refund=price)]
    )
    given_up.when(ask(lines=both)).then([promised(900, number=2, lines=both, price=price)])


def test_a_refund_that_has_given_a_part_is_not_given_up() -> None:
    history = order.given([*DELIVERED, promised(500)])
    skipped = c.EndRefund(aggregate_id=ORDER_ID, refund=1, refunded=200, is_given_up=True)

    history.when(skipped).then([ended(200)])
    history.when(skipped.model_copy(update={"refunded": 0})).then([ended(0, is_given_up=True)])


def test_a_refund_that_has_ended_is_given_up_once() -> None:
    skipped = c.EndRefund(aggregate_id=ORDER_ID, refund=1, refunded=0, is_given_up=True)
    history = [*DELIVERED, promised(500), ended(500)]

    order.given(history).when(skipped).then([ended(0, is_given_up=True)])
    order.given([*history, ended(0, is_given_up=True)]).when(skipped).then([])
    order.given(history).when(skipped.model_copy(update={"refunded": 100})).then([])


def test_a_repeated_request_changes_nothing() -> None:
    by_lines = promised(450, lines=CUP, price=PRICE_OF_CUP)

    order.given([*DELIVERED, promised(500)]).when(ask(amount=500)).then([])
    order.given([*DELIVERED, promised(500), ended(500)]).when(ask(amount=500)).then([])
    order.given([*DELIVERED, by_lines]).when(ask(lines=CUP)).then([])


@pytest.mark.parametrize("what", [{"amount": 501}, {"lines": CUP}, {"amount": 500, "reason": "b"}])
def test_a_key_belongs_to_one_request(what: dict[str, Any]) -> None:
    order.given([*DELIVERED, promised(500)]).when(ask(**what)).then_refused(
        ErrorCode.IDEMPOTENCY_KEY_REUSED
    )


def test_nothing_is_promised_without_captured_money_or_during_a_cancellation() -> None:
    lost = e.OrderCancellationRequested(order_id=ORDER_ID, reason=CancellationReason.PARCEL_LOST)

    for history, captured in ((DELIVERED, 0), ((*DELIVERED, lost), CAPTURED)):
        refusal = (
            order.given(history)
            .when(ask(amount=1, captured=captured))
            .then_refused(ErrorCode.REFUND_NOT_POSSIBLE)
        )
        assert refusal.field == ("input", "orderId")


def test_a_refund_ends_once_and_keeps_the_status_of_its_order() -> None:
    end = c.EndRefund(aggregate_id=ORDER_ID, refund=1, refunded=500)

    order.given([*DELIVERED, promised(500)]).when(end).then([ended(500)])
    order.given([*DELIVERED, promised(500), ended(500)]).when(end).then([])
    order.given(DELIVERED).when(end).then_refused(ErrorCode.WRONG_STATE)
    assert ORDER.fold([*DELIVERED, promised(500), ended(500)]).status is OrderStatus.DELIVERED


@pytest.mark.parametrize("what", [{}, {"amount": 1, "lines": CUP}, {"lines": CUP * 2}])
def test_a_request_names_an_amount_or_each_product_once(what: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"name either an amount|each SKU may be"):
        ask(**what)
