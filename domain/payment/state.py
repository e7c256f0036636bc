from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from domain.money import NO_MONEY, Money
from domain.payment import events as e


class PaymentStatus(StrEnum):
    REQUESTED = "REQUESTED"
    PENDING = "PENDING"
    AUTHORIZED = "AUTHORIZED"
    DECLINED = "DECLINED"
    CAPTURED = "CAPTURED"
    VOIDED = "VOIDED"


UNSETTLED = frozenset({PaymentStatus.REQUESTED, PaymentStatus.PENDING})
"""The provider has been asked and its last word is not in."""


@dataclass(frozen=True, slots=True)
class PaymentState:
    """`status` is None while no payment has been asked for."""

    status: PaymentStatus | None = None
    attempt: int = 0
    amount: Money = NO_MONEY
    method: str = ""
    reference: str | None = None
    action_url: str | None = None
    decline_code: str | None = None
    captured: int = 0
    references: Mapping[int, str] = field(default_factory=dict)
    """The provider's reference of each attempt it has answered: its keys are forgotten in a day."""


def evolve(state: PaymentState, event: e.PaymentEvent) -> PaymentState:
    match event:
        case e.PaymentRequested():
            return PaymentState(
                status=PaymentStatus.REQUESTED,
                attempt=event.attempt,
                amount=event.amount,
                method=event.method,
                references=state.references,
            )
        case e.PaymentPending():
            return replace(
                state,
                status=PaymentStatus.PENDING,
                reference=event.reference,
                references={**state.references, event.attempt: event.reference},
                action_url=event.action_url,
            )
        case e.PaymentAuthorized():
            return replace(
                state,
                status=PaymentStatus.AUTHORIZED,
                reference=event.reference,
                references={**state.references, event.attempt: event.reference},
                action_url=None,
            )
        case e.PaymentDeclined():
            return replace(
                state,
                status=PaymentStatus.DECLINED,
                reference=event.reference,
                references={**state.references, event.attempt: event.reference},
                action_url=None,
                decline_code=event.code,
            )
        case e.PaymentCaptured():
            return replace(state, status=PaymentStatus.CAPTURED, captured=event.amount.amount)
        case e.PaymentVoided():
            return replace(state, status=PaymentStatus.VOIDED, action_url=None)
