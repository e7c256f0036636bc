"""Any sequence of commands keeps an order on its allowed transitions."""

from __future__ import annotations

from typing import Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from domain.errors import Refused
from domain.order import commands as c
from domain.order import events as e
from domain.order.decide import ORDER
from domain.order.lines import ReturnedLine
from domain.order.state import FORWARD, KEEPING_STATUS, OrderStatus, status_after
from tests.unit.domain.examples import ORDER_ID, PLACE

S = OrderStatus
LAWFUL: Final[dict[OrderStatus | None, set[OrderStatus]]] = {
    None: {S.PLACED},
    S.PLACED: {S.RESERVED, S.REJECTED, S.CANCELLING},
    S.RESERVED: {S.AUTHORIZED, S.CANCELLING},
    S.AUTHORIZED: {S.CONFIRMED, S.CANCELLING},
    S.CONFIRMED: {S.SHIPPED, S.CANCELLING},
    S.SHIPPED: {S.DELIVERED, S.CANCELLING},
    S.DELIVERED: {S.COMPLETED, S.RETURNED, S.DELIVERED, S.CANCELLING},
    S.CANCELLING: {S.CANCELLED, S.CONFIRMED},
    S.COMPLETED: set(),
    S.REJECTED: set(),
    S.CANCELLED: set(),
    S.RETURNED: set(),
}

PART: Final = (ReturnedLine(sku="cup", quantity=1),)
ANY_COMMAND: Final = st.one_of(
    st.sampled_from(
        [
            kind(aggregate_id=ORDER_ID)
            for kind in (
                c.MarkReserved,
                c.MarkAuthorized,
                c.ConfirmOrder,
                c.MarkShipped,
                c.MarkDelivered,
                c.CompleteOrder,
                c.CancelOrder,
                c.WithdrawCancellation,
                c.RequestReturn,
                c.LapseReturn,
            )
        ]
    ),
    st.sampled_from(c.RejectionReason).map(
        lambda reason: c.RejectOrder(aggregate_id=ORDER_ID, reason=reason)
    ),
    st.builds(
        c.RequestCancellation,
        aggregate_id=st.just(ORDER_ID),
        reason=st.sampled_from(c.CancellationReason),
        after_dispatch=st.booleans(),
    ),
    st.just(c.RequestReturn(aggregate_id=ORDER_ID, lines=PART)),
    st.just(c.FinishReturn(aggregate_id=ORDER_ID, refunded=1_000)),
    st.builds(
        c.RequestRefund,
        aggregate_id=st.just(ORDER_ID),
        key=st.sampled_from(["key-1", "key-2", "key-3"]),
        amount=st.sampled_from([1, 1_000, 2_500]),
        reason=st.just("a scratch"),
        captured=st.just(3_000),
    ),
    st.builds(
        c.EndRefund,
        aggregate_id=st.just(ORDER_ID),
        refund=st.integers(1, 3),
        refunded=st.just(1),
    ),
    st.sampled_from(["fingerprint-1", "fingerprint-2"]).map(
        lambda text: PLACE.model_copy(update={"fingerprint": text})
    ),
)

ADVANCE: Final = {
    S.PLACED: c.MarkReserved,
    S.RESERVED: c.MarkAuthorized,
    S.AUTHORIZED: c.ConfirmOrder,
    S.CONFIRMED: c.MarkShipped,
    S.SHIPPED: c.MarkDelivered,
    S.DELIVERED: c.CompleteOrder,
}


class OrderMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.state = ORDER.initial
        self.log: list[e.OrderEvent] = []

    @initialize(is_placed=st.booleans())
    def begin(self, is_placed: bool) -> None:
        if is_placed:
            self.run(PLACE)

    @rule(command=ANY_COMMAND)
    def run(self, command: c.OrderCommand) -> None:
        try:
            events = ORDER.decide(command, self.state)
        except Refused:
            return
        for event in events:
            assert isinstance(event, e.OrderEvent)
            self._happen(event)
        assert ORDER.decide(command, self.state) == [], "a repeat changes nothing"

    @rule()
    def advance(self) -> None:
        """Advance the order, because random commands would seldom reach a delivery."""
        if self.state.status in ADVANCE:
            self.run(ADVANCE[self.state.status](aggregate_id=ORDER_ID))

    def _happen(self, event: e.OrderEvent) -> None:
        before = self.state.status
        self.state = ORDER.evolve(self.state, event)
        if isinstance(event, KEEPING_STATUS):
            assert self.state.status is before
            self.log.append(event)
            return
        assert self.state.status in LAWFUL[before], f"{before} became {self.state.status}"
        assert self.state.status is status_after(event)
        self.log.append(event)

    @invariant()
    def no_milestone_comes_twice_or_before_another(self) -> None:
        passed = [FORWARD.index(status) for status in map(_milestone, self.log) if status]
        assert passed == sorted(set(passed))

    @invariant()
    def no_milestone_is_skipped_but_by_a_parcel_that_left_during_a_cancellation(self) -> None:
        at = -1
        for event in self.log:
            if isinstance(event, e.OrderCancellationWithdrawn):
                at = FORWARD.index(S.CONFIRMED)
            elif (status := _milestone(event)) is not None:
                assert FORWARD.index(status) == at + 1
                at += 1

    @invariant()
    def a_reason_is_kept_while_and_only_while_there_is_a_cancellation(self) -> None:
        is_compensating = self.state.status in {S.CANCELLING, S.CANCELLED}
        assert (self.state.cancellation is not None) == is_compensating

    @invariant()
    def an_order_has_one_return_and_it_ends_once(self) -> None:
        kinds = [type(event) for event in self.log]
        ends = kinds.count(e.OrderReturned) + kinds.count(e.OrderReturnLapsed)
        assert ends <= kinds.count(e.OrderReturnRequested) <= 1
        assert self.state.returning is None or self.state.status is S.DELIVERED

    @invariant()
    def no_more_is_promised_than_was_captured(self) -> None:
        promises = (refund.amount for refund in self.state.refunds.values() if refund.is_open)
        assert sum(promises) <= 3_000

    @invariant()
    def what_has_left_is_never_withdrawn(self) -> None:
        kinds = [type(event) for event in self.log]
        if e.OrderShipped in kinds:
            assert e.OrderCancellationWithdrawn not in kinds[kinds.index(e.OrderShipped) :]


def _milestone(event: e.OrderEvent) -> OrderStatus | None:
    is_one = isinstance(event, e.OrderCreated | e.OrderMilestone)
    return status_after(event) if is_one else None


def test_an_order_takes_only_allowed_transitions() -> None:
    run_state_machine_as_test(
        OrderMachine, settings=settings(max_examples=60, stateful_step_count=25)
    )
