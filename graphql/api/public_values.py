"""Reduce values that staff see in full to what a customer sees."""

from __future__ import annotations

from typing import Final

from api.context import Context
from api.orders.types import Payment
from api.products.types import Product
from api.sagas.types import Saga, SagaAttempt, SagaStep, SagaUndo
from queries.saga_ledger import SagaStatus
from queries.saga_records import AttemptOutcome
from queries.saga_states import StepState

CARD_DECLINED: Final = "card_declined"
PUBLIC_DECLINE_CODES: Final = frozenset(
    {
        "amount_too_large",
        "amount_too_small",
        "authentication_required",
        "card_not_supported",
        "card_velocity_exceeded",
        "currency_not_supported",
        "expired_card",
        "incorrect_cvc",
        "incorrect_number",
        "incorrect_zip",
        "insufficient_funds",
        "invalid_cvc",
        "invalid_expiry_month",
        "invalid_expiry_year",
        "invalid_number",
        "payment_intent_authentication_failure",
        "processing_error",
        "try_again_later",
        "withdrawal_count_limit_exceeded",
    }
)
"""The declines that a customer can resolve. Stripe asks merchants to show others, such as
`fraudulent` and `stolen_card`, as a generic decline (https://docs.stripe.com/declines/codes)."""


def public_stock(product: Product, context: Context) -> int:
    return min(product.available, context.public_stock_limit)


def public_decline_code(payment: Payment, _: Context) -> str | None:
    return None if payment.decline_code is None else _public_code(payment.decline_code)


def _public_code(decline_code: str) -> str:
    return decline_code if decline_code in PUBLIC_DECLINE_CODES else CARD_DECLINED


def public_attempts(part: SagaStep | SagaUndo, _: Context) -> list[SagaAttempt]:
    """Return the attempts that the provider has answered, or is yet to answer.

    A failed call is no news for a customer: the saga repeats it. A parked step runs for them.
    """
    answered = [a for a in part.attempt_history if a.outcome is not AttemptOutcome.FAILED]
    if part.parking is not None:
        answered.append(_running(part, answered))
    return [
        SagaAttempt(
            number=number,
            outcome=attempt.outcome,
            started_at=attempt.started_at,
            ended_at=attempt.ended_at,
            code=None if attempt.code is None else _public_code(attempt.code),
            message=None,
            reference=None,
        )
        for number, attempt in enumerate(answered, start=1)
    ]


def _running(part: SagaStep | SagaUndo, answered: list[SagaAttempt]) -> SagaAttempt:
    """Return the attempt that a customer sees in place of the parking."""
    return SagaAttempt(
        number=len(answered) + 1,
        outcome=AttemptOutcome.RUNNING,
        started_at=answered[-1].ended_at if answered else part.started_at,
        ended_at=None,
        code=None,
        message=None,
        reference=None,
    )


def public_saga_status(saga: Saga, _: Context) -> SagaStatus:
    return saga.direction


def public_step_state(step: SagaStep, _: Context) -> StepState:
    if step.state is StepState.FAILED and step.undo is not None and step.undo.parking is not None:
        return StepState.UNDOING
    is_parked = step.state is StepState.FAILED and step.parking is not None
    return StepState.RUNNING if is_parked else step.state


def public_undo_state(undo: SagaUndo, _: Context) -> StepState:
    is_parked = undo.state is StepState.FAILED and undo.parking is not None
    return StepState.UNDOING if is_parked else undo.state
