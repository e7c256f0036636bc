"""What the sagas are started with and what they end in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from activities.types import AuthorizationOutcome, Place


class SagaType(StrEnum):
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long the saga waits for others. Fixed when it starts, so that a replay agrees."""

    provider_patience: timedelta
    payment_window: timedelta
    dispatch: timedelta
    delivery: timedelta
    return_window: timedelta


@dataclass(frozen=True, slots=True)
class OrderSaga:
    place: Place
    deadlines: Deadlines


@dataclass(frozen=True, slots=True)
class Placed:
    """The answer to whoever placed the order; the fingerprint tells whose input it was."""

    position: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class PaymentSaga:
    order_id: str
    outcome: AuthorizationOutcome
    """Of the first attempt, which the order workflow made itself."""
    deadlines: Deadlines


@dataclass(frozen=True, slots=True)
class RetryPayment:
    method: str
    actor: str


class PaymentEnd(StrEnum):
    AUTHORIZED = "authorized"
    WINDOW_CLOSED = "window_closed"
