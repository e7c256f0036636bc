"""What the provider should hold and holds of an order's money."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from domain.order.state import OrderState, OrderStatus
from domain.payment.state import PaymentState, PaymentStatus
from domain.saga.plan import (
    CAPTURE,
    GIVE_BACK,
    REFUND,
    RELEASE_HOLD,
    refund_again,
    refund_order,
)
from providers.payments import ProviderPayment, ProviderPaymentState

UNDONE: Final = {OrderStatus.CANCELLED, OrderStatus.REJECTED}
_LEAVES_THE_HOLD: Final = frozenset({CAPTURE.name, RELEASE_HOLD.name, GIVE_BACK.name})
"""An operator who skips or resolves one of these steps answers for what is still held."""


@dataclass(frozen=True, slots=True)
class ProviderHoldings:
    """The money of an order at the provider; amounts in minor units."""

    attempts_held: tuple[int, ...] = ()
    captured: int = 0
    refunded: int = 0

    def __str__(self) -> str:
        facts = [f"attempt {attempt} held" for attempt in self.attempts_held]
        facts += [f"captured {self.captured}"] if self.captured else []
        facts += [f"refunded {self.refunded}"] if self.refunded else []
        return ", ".join(facts) or "nothing"


def promised_holdings(
    order: OrderState,
    payment: PaymentState,
    settled: frozenset[str],
    held: ProviderHoldings,
    unit: int,
) -> ProviderHoldings:
    """Return what the log says, and that what was promised back is given back.

    What an operator has settled is not given back by Waybill. `held` is what the provider holds:
    the operator answers for a settled hold, and for nothing that has happened since. `unit` is the
    smallest amount that the provider moves.
    """
    if _answers_for_the_hold(payment, settled):
        attempts = held.attempts_held
    elif payment.status is PaymentStatus.AUTHORIZED and order.status not in UNDONE:
        attempts = (payment.attempt,)
    else:
        attempts = ()
    due = _due(order, payment, settled) // unit * unit
    return ProviderHoldings(attempts, payment.captured, max(payment.refunded, due))


def _answers_for_the_hold(payment: PaymentState, settled: frozenset[str]) -> bool:
    """Return whether an operator has settled a hold. An approval that came later is none."""
    is_settled = payment.status is PaymentStatus.SETTLED_BY_OPERATOR
    return not settled.isdisjoint(_LEAVES_THE_HOLD) and not (is_settled and payment.was_pending)


def _due(order: OrderState, payment: PaymentState, settled: frozenset[str]) -> int:
    """Return what Waybill must have refunded by now.

    No refund repeats what was given otherwise: but a bank may take back what a lost dispute had
    given.
    """
    if order.status in UNDONE:
        is_settled = payment.status is PaymentStatus.SETTLED_BY_OPERATOR
        if is_settled or GIVE_BACK.name in settled:
            return 0
        return payment.refundable - _failed(payment, settled)
    if order.status is OrderStatus.CANCELLING:
        return 0  # its undo gives everything back
    ended = {
        refund_order(number).name: refund.amount
        for number, refund in order.refunds.items()
        if not (refund.is_open or refund.is_given_up)
    }
    if order.returned is not None:
        ended[REFUND.name] = order.returned.refund.total
    promised = sum(amount for step, amount in ended.items() if step not in settled)
    failed = _failed(payment, {refund_again(number) for number in payment.failed_refunds})
    return min(max(promised - payment.given_otherwise - failed, 0), payment.refundable)


def _failed(payment: PaymentState, steps: Collection[str]) -> int:
    """Return what the failed refunds were to give that these steps were to repeat."""
    failed = payment.failed_refunds.items()
    return sum(each.amount for number, each in failed if refund_again(number) in steps)


def holdings_of(answers: Sequence[tuple[int, ProviderPayment]]) -> ProviderHoldings:
    held = {attempt for attempt, there in answers if there.state is ProviderPaymentState.AUTHORIZED}
    return ProviderHoldings(
        tuple(sorted(held)),
        captured=sum(there.captured for _, there in answers),
        refunded=sum(there.refunded for _, there in answers),
    )
