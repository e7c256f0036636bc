"""What the provider should hold and holds of an order's money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from domain.order.state import OrderState, OrderStatus
from domain.payment.state import PaymentState, PaymentStatus
from domain.saga.plan import CAPTURE, GIVE_BACK, RELEASE_HOLD, refund_again
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
    order: OrderState, payment: PaymentState, settled: frozenset[str], held: ProviderHoldings
) -> ProviderHoldings:
    """Return what the log says; for an order that was undone, that everything is given back.

    What an operator has settled is not given back by Waybill. `held` is what the provider holds:
    the operator answers for a settled hold, and for nothing that has happened since.
    """
    if not settled.isdisjoint(_LEAVES_THE_HOLD):
        attempts = held.attempts_held
    elif payment.status is PaymentStatus.AUTHORIZED and order.status not in UNDONE:
        attempts = (payment.attempt,)
    else:
        attempts = ()
    due = payment.refunded
    is_settled = payment.status is PaymentStatus.SETTLED_BY_OPERATOR or GIVE_BACK.name in settled
    if order.status in UNDONE and not is_settled:
        # No refund repeats what was given otherwise, or what an operator has given up.
        due = max(due, payment.refundable - _given_up(payment, settled))
    return ProviderHoldings(attempts, payment.captured, due)


def _given_up(payment: PaymentState, settled: frozenset[str]) -> int:
    failed = payment.failed_refunds.items()
    return sum(each.amount for number, each in failed if refund_again(number) in settled)


def holdings_of(answers: Sequence[tuple[int, ProviderPayment]]) -> ProviderHoldings:
    held = {attempt for attempt, there in answers if there.state is ProviderPaymentState.AUTHORIZED}
    return ProviderHoldings(
        tuple(sorted(held)),
        captured=sum(there.captured for _, there in answers),
        refunded=sum(there.refunded for _, there in answers),
    )
