"""No sequence of commands captures or refunds more money than there is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    rule,
    run_state_machine_as_test,
)

from domain.errors import Refused
from domain.event import Event
from domain.money import Money
from domain.payment import commands as c
from domain.payment import events as e
from domain.payment.decide import PAYMENT

E = TypeVar("E", bound=Event)

TOTAL: Final = Money(amount=100, currency="EUR")
ATTEMPTS: Final = st.integers(min_value=1, max_value=3)
AMOUNTS: Final = st.integers(min_value=0, max_value=120)
POSITIVE: Final = st.integers(min_value=1, max_value=60)
URLS: Final = st.sampled_from([None, "https://pay.test/1", "https://pay.test/2"])


class OnePayment(RuleBasedStateMachine):
    """Record anything at any time about one payment of 100 cents."""

    def __init__(self) -> None:
        super().__init__()
        self.state = PAYMENT.initial
        self.happened: list[Event] = []
        self._by_hand: dict[str, int] = {}

    @rule(attempt=ATTEMPTS)
    def request(self, attempt: int) -> None:
        self._run(
            c.RequestPayment(aggregate_id="o-1", attempt=attempt, amount=TOTAL, method="pm_1")
        )

    @rule(attempt=ATTEMPTS, url=URLS)
    def pend(self, attempt: int, url: str | None) -> None:
        reference = f"pi_{attempt}"
        self._run(
            c.RecordPending(
                aggregate_id="o-1", attempt=attempt, reference=reference, action_url=url
            )
        )

    @rule(attempt=ATTEMPTS)
    def authorize(self, attempt: int) -> None:
        latest = self.state.attempt
        command = c.RecordAuthorization(
            aggregate_id="o-1", attempt=attempt, reference=f"pi_{attempt}"
        )
        if self._run(command):
            assert attempt == latest

    @rule(attempt=ATTEMPTS)
    def decline(self, attempt: int) -> None:
        self._run(
            c.RecordDecline(
                aggregate_id="o-1", attempt=attempt, reference=f"pi_{attempt}", code="no"
            )
        )

    @rule()
    def capture(self) -> None:
        self._run(c.RecordCapture(aggregate_id="o-1", amount=TOTAL))

    @rule(in_all=AMOUNTS, purpose=st.sampled_from(["refund", "give_back", "refund_order_1"]))
    def refund(self, in_all: int, purpose: str) -> None:
        money = Money(amount=in_all, currency="EUR")
        self._run(c.RecordRefund(aggregate_id="o-1", purpose=purpose, given=money))

    @rule(listed=st.dictionaries(st.sampled_from(["re_1", "re_2", "re_3"]), POSITIVE))
    def refund_by_hand(self, listed: dict[str, int]) -> None:
        # A refund of the provider never changes its amount.
        amounts = {refund: self._by_hand.setdefault(refund, n) for refund, n in listed.items()}
        self._run(c.RecordRefundsElsewhere(aggregate_id="o-1", refunds=amounts))

    @rule(attempt=st.integers(min_value=0, max_value=3))
    def void(self, attempt: int) -> None:
        latest = self.state.attempt
        if self._run(c.RecordVoid(aggregate_id="o-1", attempt=attempt)):
            assert attempt >= latest

    @rule(given=st.booleans())
    def settle(self, *, given: bool) -> None:
        self._run(c.RecordSettlement(aggregate_id="o-1", step="give_back", is_given_back=given))

    @rule(due=AMOUNTS, step=st.sampled_from(["refund", "refund_order_1"]))
    def settle_refund(self, due: int, step: str) -> None:
        self._run(c.RecordRefundSettlement(aggregate_id="o-1", step=step, due=due))

    @invariant()
    def no_more_is_settled_than_was_taken(self) -> None:
        settled = sum(self.state.settled.values())
        assert settled <= self.state.captured

    @invariant()
    def no_more_is_given_back_than_was_taken(self) -> None:
        given = sum(x.amount.amount for x in self._all(e.PaymentRefunded))
        given += sum(x.amount.amount for x in self._all(e.PaymentRefundedElsewhere))
        given -= sum(x.amount.amount for x in self._all(e.PaymentRefundElsewhereFailed))
        taken = sum(x.amount.amount for x in self._all(e.PaymentCaptured))
        assert (given, taken) == (self.state.refunded, self.state.captured)
        assert given <= taken <= TOTAL.amount

    @invariant()
    def money_is_taken_once_or_freed_and_not_both(self) -> None:
        ends = [*self._all(e.PaymentCaptured), *self._all(e.PaymentVoided)]
        assert len(ends) <= 1

    @invariant()
    def one_attempt_at_most_holds_money(self) -> None:
        assert len(self._all(e.PaymentAuthorized)) <= 1

    @invariant()
    def nothing_follows_a_void(self) -> None:
        if self._all(e.PaymentVoided):
            assert isinstance(self.happened[-1], e.PaymentVoided)

    def _all(self, kind: type[E]) -> list[E]:
        return [event for event in self.happened if isinstance(event, kind)]

    def _run(self, command: c.PaymentCommand) -> Sequence[Event]:
        """Run the command; return its events, and assert that a repeat has none."""
        try:
            events = PAYMENT.decide(command, self.state)
        except Refused:
            return []
        self.state = PAYMENT.fold(events, self.state)
        self.happened.extend(events)
        assert list(PAYMENT.decide(command, self.state)) == []
        return events


def test_money_is_neither_made_nor_lost() -> None:
    run_state_machine_as_test(
        OnePayment, settings=settings(max_examples=100, stateful_step_count=25)
    )
