"""Decide about the disputes of a captured payment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from domain.errors import ErrorCode, Refused
from domain.money import Money
from domain.payment import commands as c
from domain.payment import events as e
from domain.payment.state import Dispute, PaymentState


def dispute(
    command: c.RecordDispute, state: PaymentState
) -> Sequence[e.PaymentDisputed | e.PaymentDisputeClosed]:
    """Record what is new. A dispute that the log hears of once it is closed was open before."""
    if state.reference is None:
        raise Refused(
            ErrorCode.WRONG_STATE,
            f"order {command.aggregate_id} has no payment that can be disputed",
        )
    known = state.disputes.get(command.dispute_id)
    now = Dispute(command.amount.amount, command.outcome)
    if known == now:
        return []
    opened = _opened(command, state)
    if command.outcome is None:
        return [opened]
    closed = _closed(command, command.outcome, state)
    return [opened, closed] if known is None else [closed]


def _opened(command: c.RecordDispute, state: PaymentState) -> e.PaymentDisputed:
    return e.PaymentDisputed(**_facts(command, state, None), reason=command.reason)


def _closed(
    command: c.RecordDispute, outcome: c.DisputeOutcome, state: PaymentState
) -> e.PaymentDisputeClosed:
    return e.PaymentDisputeClosed(**_facts(command, state, outcome), outcome=outcome)


def _facts(
    command: c.RecordDispute, state: PaymentState, outcome: c.DisputeOutcome | None
) -> dict[str, Any]:
    """Return the facts of either event, with the amounts after it."""
    dispute = Dispute(command.amount.amount, outcome)
    after = replace(state, disputes={**state.disputes, command.dispute_id: dispute})

    def money(amount: int) -> Money:
        return command.amount.model_copy(update={"amount": amount})

    return {
        "order_id": command.aggregate_id,
        "reference": state.reference,
        "dispute_id": command.dispute_id,
        "amount": command.amount,
        "disputed_in_all": money(after.disputed),
        "won_in_all": money(after.won),
        "lost_in_all": money(after.lost),
    }
