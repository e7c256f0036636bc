from __future__ import annotations

from typing import Final

import pytest

from domain.errors import ErrorCode
from domain.event import Event
from domain.order import commands as c
from domain.order import events as e
from domain.order.commands import CancellationReason, RejectionReason
from domain.order.decide import ORDER
from domain.order.state import CANCELLABLE, FINAL, FORWARD, OrderStatus
from tests.unit.domain.examples import CREATED, EVERYTHING, LINES, ORDER_ID, PLACE, PRICE, TOTAL
from tests.unit.domain.specification import Specification, cells

order = Specification(ORDER)

RESERVED: Final = e.OrderReserved(order_id=ORDER_ID)
AUTHORIZED: Final = e.OrderAuthorized(order_id=ORDER_ID)
CONFIRMED: Final = e.OrderConfirmed(order_id=ORDER_ID)
SHIPPED: Final = e.OrderShipped(order_id=ORDER_ID)
DELIVERED: Final = e.OrderDelivered(order_id=ORDER_ID)
COMPLETED: Final = e.OrderCompleted(order_id=ORDER_ID)
REJECTED: Final = e.OrderRejected(order_id=ORDER_ID, reason=RejectionReason.OUT_OF_STOCK, sku="pot")
REQUESTED: Final = e.OrderCancellationRequested(
    order_id=ORDER_ID, reason=CancellationReason.CUSTOMER_REQUEST
)
WITHDRAWN: Final = e.OrderCancellationWithdrawn(order_id=ORDER_ID)
CANCELLED: Final = e.OrderCancelled(order_id=ORDER_ID, reason=CancellationReason.CUSTOMER_REQUEST)

RETURN_REQUESTED: Final = e.OrderReturnRequested(order_id=ORDER_ID, lines=EVERYTHING, refund=PRICE)
RETURNED: Final = e.OrderReturned(
    order_id=ORDER_ID, lines=EVERYTHING, refund=PRICE, refunded=PRICE.money, is_whole=True
)
LAPSED: Final = e.OrderReturnLapsed(order_id=ORDER_ID)

MILESTONES: Final = (CREATED, RESERVED, AUTHORIZED, CONFIRMED, SHIPPED, DELIVERED, COMPLETED)

HISTORY: Final[dict[str, tuple[Event, ...]]] = {
    "none": (),
    **{status: MILESTONES[: index + 1] for index, status in enumerate(FORWARD)},
    "REJECTED": (CREATED, REJECTED),
    "CANCELLING": (CREATED, RESERVED, REQUESTED),
    "CANCELLED": (CREATED, RESERVED, REQUESTED, CANCELLED),
    "RETURNED": (*MILESTONES[:-1], RETURN_REQUESTED, RETURNED),
    "returning": (*MILESTONES[:-1], RETURN_REQUESTED),
}

COMMANDS: Final[dict[str, tuple[c.OrderCommand, Event]]] = {
    "place": (PLACE, CREATED),
    "reserve": (c.MarkReserved(aggregate_id=ORDER_ID), RESERVED),
    "authorize": (c.MarkAuthorized(aggregate_id=ORDER_ID), AUTHORIZED),
    "confirm": (c.ConfirmOrder(aggregate_id=ORDER_ID), CONFIRMED),
    "ship": (c.MarkShipped(aggregate_id=ORDER_ID), SHIPPED),
    "deliver": (c.MarkDelivered(aggregate_id=ORDER_ID), DELIVERED),
    "complete": (c.CompleteOrder(aggregate_id=ORDER_ID), COMPLETED),
    "reject": (
        c.RejectOrder(aggregate_id=ORDER_ID, reason=RejectionReason.OUT_OF_STOCK, sku="pot"),
        REJECTED,
    ),
    "request": (
        c.RequestCancellation(aggregate_id=ORDER_ID, reason=CancellationReason.CUSTOMER_REQUEST),
        REQUESTED,
    ),
    "return": (c.RequestReturn(aggregate_id=ORDER_ID), RETURN_REQUESTED),
    "finish": (c.FinishReturn(aggregate_id=ORDER_ID, refunded=PRICE.total), RETURNED),
    "lapse": (c.LapseReturn(aggregate_id=ORDER_ID), LAPSED),
    "withdraw": (c.WithdrawCancellation(aggregate_id=ORDER_ID), WITHDRAWN),
    "cancel": (c.CancelOrder(aggregate_id=ORDER_ID), CANCELLED),
}

REFUSALS: Final = {
    "N": ErrorCode.NOT_FOUND,
    "W": ErrorCode.WRONG_STATE,
    "C": ErrorCode.ORDER_NOT_CANCELLABLE,
    "R": ErrorCode.RETURN_NOT_POSSIBLE,
}

# + is accepted, . leaves nothing to do, a letter is a refusal.
TABLE: Final = """
           place reserve authorize confirm ship deliver complete reject request withdraw cancel
none         +      N        N        N     N      N       N       N       N       N       N
PLACED       .      +        W        W     W      W       W       +       +       .       W
RESERVED     .      .        +        W     W      W       W       W       +       .       W
AUTHORIZED   .      .        .        +     W      W       W       W       +       .       W
CONFIRMED    .      .        .        .     +      W       W       W       +       .       W
SHIPPED      .      .        .        .     .      +       W       W       C       .       W
DELIVERED    .      .        .        .     .      .       +       W       C       .       W
COMPLETED    .      .        .        .     .      .       .       W       C       .       W
REJECTED     .      W        W        W     W      W       W       .       C       .       W
CANCELLING   .      W        W        W     W      W       W       W       .       +       +
CANCELLED    .      W        W        W     W      W       W       W       .       .       .
RETURNED     .      .        .        .     .      .       W       W       C       .       W
returning    .      .        .        .     .      .       W       W       C       .       W
"""


RETURNS: Final = """
           return  finish  lapse
none          N       N      N
PLACED        R       W      .
RESERVED      R       W      .
AUTHORIZED    R       W      .
CONFIRMED     R       W      .
SHIPPED       R       W      .
DELIVERED     +       W      .
returning     .       +      +
COMPLETED     R       W      .
REJECTED      R       W      .
CANCELLING    R       W      .
CANCELLED     R       W      .
RETURNED      R       .      .
"""


@pytest.mark.parametrize(("status", "word", "outcome"), cells(TABLE) + cells(RETURNS))
def test_every_command_in_every_status(status: str, word: str, outcome: str) -> None:
    command, event = COMMANDS[word]
    history = HISTORY[status]
    intervention = order.given(history).when(command)

    if outcome in REFUSALS:
        intervention.then_refused(REFUSALS[outcome])
    elif outcome == "+":
        intervention.then([event])
        order.given([*history, event]).when(command).then([])
    else:
        intervention.then([])


@pytest.mark.parametrize("status", HISTORY)
def test_the_histories_of_the_table_lead_to_its_statuses(status: str) -> None:
    state = ORDER.fold(HISTORY[status])
    special = {"none": None, "returning": OrderStatus.DELIVERED}
    assert state.status == (special[status] if status in special else OrderStatus(status))


def test_the_table_leaves_no_status_out() -> None:
    assert set(HISTORY) == {"none", "returning", *OrderStatus}


def test_the_order_remembers_what_was_ordered() -> None:
    state = ORDER.fold([CREATED])
    assert (state.customer_id, state.lines, state.total, state.payment_method) == (
        "ada",
        LINES,
        TOTAL,
        "pm_card_visa",
    )


@pytest.mark.parametrize("status", [status for status in HISTORY if status != "none"])
def test_a_key_used_for_another_input_is_always_refused(status: str) -> None:
    other = PLACE.model_copy(update={"fingerprint": "fingerprint-2"})
    refusal = (
        order.given(HISTORY[status]).when(other).then_refused(ErrorCode.IDEMPOTENCY_KEY_REUSED)
    )
    assert refusal.field == ("input", "idempotencyKey")
    assert "fingerprint" not in refusal.message


def test_the_first_reason_of_a_cancellation_is_kept() -> None:
    again = c.RequestCancellation(
        aggregate_id=ORDER_ID, reason=CancellationReason.DISPATCH_DEADLINE_MISSED
    )
    order.given([CREATED, REQUESTED]).when(again).then([])
    order.given([CREATED, REQUESTED]).when(COMMANDS["cancel"][0]).then([CANCELLED])


def test_a_cancellation_after_a_withdrawn_one_has_its_own_reason() -> None:
    reason = CancellationReason.OPERATOR_REQUEST
    history = [CREATED, RESERVED, AUTHORIZED, CONFIRMED, REQUESTED, WITHDRAWN]
    again = e.OrderCancellationRequested(order_id=ORDER_ID, reason=reason)

    order.given(history).when(c.RequestCancellation(aggregate_id=ORDER_ID, reason=reason)).then(
        [again]
    )
    order.given([*history, again]).when(COMMANDS["cancel"][0]).then(
        [e.OrderCancelled(order_id=ORDER_ID, reason=reason)]
    )


@pytest.mark.parametrize("status", FORWARD[:4])
def test_a_parcel_that_left_during_a_cancellation_ships(status: OrderStatus) -> None:
    """A cancellation that overtook a milestone does not change this either."""
    history = [*HISTORY[status], REQUESTED, WITHDRAWN]

    assert ORDER.fold(history).status is OrderStatus.CONFIRMED
    assert ORDER.fold(history).cancellation is None
    order.given(history).when(COMMANDS["ship"][0]).then([SHIPPED])


def test_a_rejection_need_not_name_a_sku() -> None:
    reject = c.RejectOrder(aggregate_id=ORDER_ID, reason=RejectionReason.OUT_OF_STOCK)
    event = e.OrderRejected(order_id=ORDER_ID, reason=RejectionReason.OUT_OF_STOCK, sku=None)
    order.given([CREATED]).when(reject).then([event])


def test_what_can_be_cancelled_and_what_is_final() -> None:
    assert {status for status, word, cell in cells(TABLE) if (word, cell) == ("request", "+")} == (
        CANCELLABLE
    )
    all_cells = cells(TABLE) + cells(RETURNS)
    moved = {status for status, _, cell in all_cells if cell == "+"} - {"none"}
    assert set(OrderStatus) - moved == FINAL


def test_a_refusal_names_the_order_and_nothing_personal() -> None:
    refusal = order.given([CREATED]).when(COMMANDS["ship"][0]).then_refused(ErrorCode.WRONG_STATE)
    assert refusal.message == "order order-of-ada is PLACED and cannot become SHIPPED"
    assert str(refusal) == refusal.message
    assert refusal.field == ()


UNCONFIRM: Final = c.WithdrawConfirmation(aggregate_id=ORDER_ID)
UNCONFIRMED: Final = e.OrderConfirmationWithdrawn(order_id=ORDER_ID)


def test_a_confirmation_is_withdrawn_and_given_again() -> None:
    confirmed = HISTORY["CONFIRMED"]
    order.given(confirmed).when(UNCONFIRM).then([UNCONFIRMED])
    order.given([*confirmed, UNCONFIRMED]).when(UNCONFIRM).then([])
    assert ORDER.fold([*confirmed, UNCONFIRMED]).status is OrderStatus.RESERVED
    order.given([*confirmed, UNCONFIRMED]).when(COMMANDS["authorize"][0]).then([AUTHORIZED])


@pytest.mark.parametrize("status", ["RESERVED", "SHIPPED", "DELIVERED", "CANCELLING", "CANCELLED"])
def test_an_order_that_is_not_confirmed_keeps_its_status(status: str) -> None:
    order.given(HISTORY[status]).when(UNCONFIRM).then([])
