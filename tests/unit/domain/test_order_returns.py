"""An order has one return, of some or all lines, inside its window."""

from __future__ import annotations

from typing import Final

import pytest
from pydantic import ValidationError

from domain.errors import ErrorCode
from domain.event import Event
from domain.order import commands as c
from domain.order import events as e
from domain.order.commands import CancellationReason
from domain.order.decide import ORDER
from domain.order.lines import ReturnedLine
from domain.order.price import Price
from domain.order.state import OrderStatus, Return
from tests.support.order_parts import a_line
from tests.unit.domain.examples import CREATED, EVERYTHING, ORDER_ID, PLACE, PRICE
from tests.unit.domain.specification import Specification

order = Specification(ORDER)

SHIPPED: Final[tuple[Event, ...]] = (
    CREATED,
    e.OrderReserved(order_id=ORDER_ID),
    e.OrderAuthorized(order_id=ORDER_ID),
    e.OrderConfirmed(order_id=ORDER_ID),
    e.OrderShipped(order_id=ORDER_ID),
)
DELIVERED: Final = (*SHIPPED, e.OrderDelivered(order_id=ORDER_ID))
CUP: Final = Price(currency="EUR", lines=450, total=450)
PARTS: Final = Price(
    currency="EUR",
    lines=3_000,
    discount=300,
    shipping=490,
    tax=606,
    shipping_tax=93,
    total=3_796,
)
PRICED: Final = (
    CREATED.model_copy(
        update={
            "price": PARTS,
            "lines": (
                a_line(sku="cup", quantity=2, unit_price=450, discount=90, tax=154),
                a_line(sku="pot", quantity=1, unit_price=2_100, discount=210, tax=359),
            ),
        }
    ),
    *DELIVERED[1:],
)
PART: Final = (ReturnedLine(sku="cup", quantity=1),)
REQUEST_PART: Final = c.RequestReturn(aggregate_id=ORDER_ID, lines=PART)
PART_REQUESTED: Final = e.OrderReturnRequested(order_id=ORDER_ID, lines=PART, refund=CUP)
PART_RETURNED: Final = e.OrderReturned(
    order_id=ORDER_ID, lines=PART, refund=CUP, refunded=CUP.money, is_whole=False
)
LAPSED: Final = e.OrderReturnLapsed(order_id=ORDER_ID)


def finish(refund: Price) -> c.FinishReturn:
    return c.FinishReturn(aggregate_id=ORDER_ID, refunded=refund.total)


FINISH: Final = finish(CUP)
RESUME: Final = c.ResumeReturn(aggregate_id=ORDER_ID)
COMPLETE: Final = c.CompleteOrder(aggregate_id=ORDER_ID)


def lost(*, after_dispatch: bool) -> c.RequestCancellation:
    return c.RequestCancellation(
        aggregate_id=ORDER_ID,
        reason=CancellationReason.PARCEL_LOST,
        after_dispatch=after_dispatch,
    )


def test_returned_goods_are_refunded_at_their_ordered_price() -> None:
    order.given(DELIVERED).when(REQUEST_PART).then([PART_REQUESTED])
    order.given([*DELIVERED, PART_REQUESTED]).when(FINISH).then([PART_RETURNED])


def test_a_return_gives_back_its_share_of_discount_and_tax_and_no_shipping() -> None:
    share = Price(currency="EUR", lines=450, discount=45, tax=77, total=482)
    requested = PART_REQUESTED.model_copy(update={"refund": share})
    returned = PART_RETURNED.model_copy(update={"refund": share, "refunded": share.money})
    order.given(PRICED).when(REQUEST_PART).then([requested])
    order.given([*PRICED, requested]).when(finish(share)).then([returned])


def test_a_return_of_everything_gives_back_the_whole_price() -> None:
    everything = c.RequestReturn(aggregate_id=ORDER_ID)
    requested = e.OrderReturnRequested(order_id=ORDER_ID, lines=EVERYTHING, refund=PARTS)
    order.given(PRICED).when(everything).then([requested])
    order.given([*PRICED, requested]).when(finish(PARTS)).then(
        [
            e.OrderReturned(
                order_id=ORDER_ID,
                lines=EVERYTHING,
                refund=PARTS,
                refunded=PARTS.money,
                is_whole=True,
            )
        ]
    )


def test_a_whole_return_is_the_same_with_and_without_lines() -> None:
    everything = c.RequestReturn(aggregate_id=ORDER_ID)
    named = c.RequestReturn(aggregate_id=ORDER_ID, lines=EVERYTHING)
    requested = e.OrderReturnRequested(order_id=ORDER_ID, lines=EVERYTHING, refund=PRICE)
    order.given(DELIVERED).when(everything).then([requested])
    order.given(DELIVERED).when(named).then([requested])
    order.given([*DELIVERED, requested]).when(named).then([])


def test_the_same_goods_in_another_order_of_lines_are_the_same_return() -> None:
    requested = e.OrderReturnRequested(order_id=ORDER_ID, lines=EVERYTHING, refund=PRICE)
    reordered = c.RequestReturn(aggregate_id=ORDER_ID, lines=EVERYTHING[::-1])
    order.given([*DELIVERED, requested]).when(reordered).then([])


def test_everything_in_another_order_of_lines_is_a_whole_return() -> None:
    lines = EVERYTHING[::-1]
    requested = e.OrderReturnRequested(order_id=ORDER_ID, lines=lines, refund=PRICE)
    order.given([*DELIVERED, requested]).when(finish(PRICE)).then(
        [
            e.OrderReturned(
                order_id=ORDER_ID, lines=lines, refund=PRICE, refunded=PRICE.money, is_whole=True
            )
        ]
    )


@pytest.mark.parametrize(
    ("lines", "field", "message"),
    [
        (
            [("cup", 1), ("hat", 1)],
            ("input", "lines", "1", "sku"),
            "the order has no hat",
        ),
        (
            [("cup", 3)],
            ("input", "lines", "0", "quantity"),
            "cup: 3 to be returned, 2 were sent",
        ),
    ],
)
def test_goods_that_were_not_sent_cannot_come_back(
    lines: list[tuple[str, int]], field: tuple[str, ...], message: str
) -> None:
    wanted = tuple(ReturnedLine(sku=sku, quantity=quantity) for sku, quantity in lines)
    refusal = (
        order.given(DELIVERED)
        .when(c.RequestReturn(aggregate_id=ORDER_ID, lines=wanted))
        .then_refused(ErrorCode.RETURN_NOT_POSSIBLE)
    )
    assert (refusal.field, refusal.message) == (field, message)


@pytest.mark.parametrize("lines", [(), (*PART, *PART)])
def test_a_return_names_something_and_each_product_once(lines: tuple[ReturnedLine, ...]) -> None:
    with pytest.raises(ValidationError):
        c.RequestReturn(aggregate_id=ORDER_ID, lines=lines)


def test_an_order_has_one_return_of_a_part() -> None:
    history = [*DELIVERED, PART_REQUESTED, PART_RETURNED]
    assert ORDER.fold(history).status is OrderStatus.DELIVERED
    order.given(history).when(REQUEST_PART).then_refused(ErrorCode.RETURN_NOT_POSSIBLE)
    order.given(history).when(COMPLETE).then([e.OrderCompleted(order_id=ORDER_ID)])


def test_a_lapsed_return_may_be_requested_again_for_the_same_goods() -> None:
    history = [*DELIVERED, PART_REQUESTED, LAPSED]
    assert ORDER.fold(history).status is OrderStatus.DELIVERED
    order.given(history).when(REQUEST_PART).then([PART_REQUESTED])
    order.given([*history, PART_REQUESTED]).when(FINISH).then([PART_RETURNED])
    order.given(history).when(COMPLETE).then([e.OrderCompleted(order_id=ORDER_ID)])


def test_the_request_after_a_lapse_names_the_goods_that_may_still_arrive() -> None:
    refused = order.given([*DELIVERED, PART_REQUESTED, LAPSED]).when(
        c.RequestReturn(aggregate_id=ORDER_ID)
    )
    refused.then_refused(ErrorCode.RETURN_NOT_POSSIBLE)


def test_goods_that_come_back_after_the_lapse_resume_their_return() -> None:
    history = [*DELIVERED, PART_REQUESTED, LAPSED]
    resumed = e.OrderReturnResumed(order_id=ORDER_ID, lines=PART, refund=CUP, is_complete=False)
    order.given(history).when(RESUME).then([resumed])
    order.given([*history, resumed]).when(RESUME).then([])
    order.given([*history, resumed]).when(FINISH).then([PART_RETURNED])
    order.given([*history, resumed]).when(COMPLETE).then_refused(ErrorCode.WRONG_STATE)


def test_a_resumed_return_refunds_no_piece_that_an_operator_has_refunded_since() -> None:
    both = (ReturnedLine(sku="cup", quantity=2),)
    asked = e.OrderReturnRequested(
        order_id=ORDER_ID, lines=both, refund=Price(currency="EUR", lines=900, total=900)
    )
    one_refunded = e.OrderRefundRequested(
        order_id=ORDER_ID,
        refund=1,
        amount=CUP.money,
        price=CUP,
        lines=PART,
        reason="it was sent back",
        key="k",
    )

    order.given([*DELIVERED, asked, LAPSED, one_refunded]).when(RESUME).then(
        [e.OrderReturnResumed(order_id=ORDER_ID, lines=both, refund=CUP, is_complete=False)]
    )


def test_a_part_that_comes_back_to_a_complete_order_leaves_it_complete() -> None:
    history = [*DELIVERED, PART_REQUESTED, LAPSED, e.OrderCompleted(order_id=ORDER_ID)]
    resumed = e.OrderReturnResumed(order_id=ORDER_ID, lines=PART, refund=CUP, is_complete=True)
    returned = PART_RETURNED.model_copy(update={"is_complete": True})
    order.given(history).when(RESUME).then([resumed])
    order.given([*history, resumed]).when(FINISH).then([returned])
    assert ORDER.fold([*history, resumed, returned]).status is OrderStatus.COMPLETED
    whole = returned.model_copy(update={"is_whole": True})
    assert ORDER.fold([*history, resumed, whole]).status is OrderStatus.RETURNED


@pytest.mark.parametrize("history", [DELIVERED, [*DELIVERED, PART_REQUESTED, PART_RETURNED]])
def test_nothing_is_resumed_without_a_lapse(history: list[Event]) -> None:
    order.given(history).when(RESUME).then([])


def test_a_cancelled_order_resumes_no_return() -> None:
    reason = CancellationReason.OPERATOR_REQUEST
    requested = e.OrderCancellationRequested(order_id=ORDER_ID, reason=reason)
    order.given([*DELIVERED, PART_REQUESTED, LAPSED, requested]).when(RESUME).then([])


def test_a_second_return_is_refused_while_the_first_runs() -> None:
    order.given([*DELIVERED, PART_REQUESTED]).when(
        c.RequestReturn(aggregate_id=ORDER_ID)
    ).then_refused(ErrorCode.RETURN_NOT_POSSIBLE)


def test_an_order_is_not_completed_while_its_return_is_in_progress() -> None:
    order.given([*DELIVERED, PART_REQUESTED]).when(COMPLETE).then_refused(ErrorCode.WRONG_STATE)


def test_the_state_distinguishes_a_running_return_from_an_ended_one() -> None:
    part = Return(PART, CUP)
    in_progress = ORDER.fold([*DELIVERED, PART_REQUESTED])
    over = ORDER.fold([*DELIVERED, PART_REQUESTED, PART_RETURNED])
    lapsed = ORDER.fold([*DELIVERED, PART_REQUESTED, LAPSED])
    assert (in_progress.returning, in_progress.returned) == (part, None)
    assert (over.returning, over.returned) == (None, part)
    assert (lapsed.returning, lapsed.returned) == (None, None)


def test_a_lapsed_return_cannot_be_finished() -> None:
    order.given([*DELIVERED, PART_REQUESTED, LAPSED]).when(FINISH).then_refused(
        ErrorCode.WRONG_STATE
    )


@pytest.mark.parametrize("history", [SHIPPED, DELIVERED, (*DELIVERED, PART_REQUESTED)])
def test_an_order_past_its_dispatch_compensates_only_where_allowed(
    history: tuple[Event, ...],
) -> None:
    reason = CancellationReason.PARCEL_LOST
    requested = e.OrderCancellationRequested(order_id=ORDER_ID, reason=reason)
    order.given(history).when(lost(after_dispatch=False)).then_refused(
        ErrorCode.ORDER_NOT_CANCELLABLE
    )
    order.given(history).when(lost(after_dispatch=True)).then([requested])
    order.given([*history, requested]).when(lost(after_dispatch=True)).then([])
    order.given([*history, requested]).when(c.CancelOrder(aggregate_id=ORDER_ID)).then(
        [e.OrderCancelled(order_id=ORDER_ID, reason=reason)]
    )


def test_a_compensation_after_dispatch_is_not_withdrawn() -> None:
    requested = e.OrderCancellationRequested(
        order_id=ORDER_ID, reason=CancellationReason.PARCEL_LOST
    )
    order.given([*SHIPPED, requested]).when(
        c.WithdrawCancellation(aggregate_id=ORDER_ID)
    ).then_refused(ErrorCode.WRONG_STATE)


def test_a_whole_cancellation_ends_the_return_of_a_part() -> None:
    requested = e.OrderCancellationRequested(
        order_id=ORDER_ID, reason=CancellationReason.OPERATOR_REQUEST
    )
    history = [*DELIVERED, PART_REQUESTED, requested]
    assert ORDER.fold(history).returning is None
    order.given(history).when(FINISH).then_refused(ErrorCode.WRONG_STATE)


@pytest.mark.parametrize("status", ["COMPLETED", "CANCELLED"])
def test_a_final_order_does_not_compensate_even_after_dispatch(status: str) -> None:
    ended = {
        "COMPLETED": [*DELIVERED, e.OrderCompleted(order_id=ORDER_ID)],
        "CANCELLED": [
            *SHIPPED,
            e.OrderCancellationRequested(order_id=ORDER_ID, reason=CancellationReason.PARCEL_LOST),
            e.OrderCancelled(order_id=ORDER_ID, reason=CancellationReason.PARCEL_LOST),
        ],
    }[status]
    intervention = order.given(ended).when(lost(after_dispatch=True))
    if status == "COMPLETED":
        intervention.then_refused(ErrorCode.ORDER_NOT_CANCELLABLE)
    else:
        intervention.then([])


def test_an_order_records_whether_it_waits_for_stock() -> None:
    place = PLACE.model_copy(update={"backorder": True})
    created = CREATED.model_copy(update={"backorder": True})
    order.given([]).when(place).then([created])
    assert ORDER.fold([created]).backorder
    assert not ORDER.fold([CREATED]).backorder
