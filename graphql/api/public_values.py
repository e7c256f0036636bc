"""Reduce values that staff see in full to what a customer sees."""

from __future__ import annotations

from typing import Final

from api.context import Context
from api.orders.types import Payment
from api.products.types import Product
from api.sagas.types import Saga, SagaStep, SagaUndo
from queries.saga_ledger import SagaStatus
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
    code = payment.decline_code
    return code if code is None or code in PUBLIC_DECLINE_CODES else CARD_DECLINED


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
