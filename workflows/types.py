"""What the sagas are started with and what they end in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from activities.types import AuthorizationResult, ParkedStep, PlaceInput
from domain.saga.plan import Deadline, Timeout


class SagaType(StrEnum):
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Deadlines:
    """How long the saga waits for others. Fixed when it starts, so that a replay agrees."""

    provider_timeout: timedelta
    """For a provider's answer on the way forward; then the saga turns round."""
    undo_timeout: timedelta
    """For a provider's answer to what must not be given up; then the saga parks."""
    parked_retry: timedelta
    """Between the tries of a parked step that nobody has refused."""
    backorder: timedelta
    payment_window: timedelta
    dispatch: timedelta
    delivery: timedelta
    return_window: timedelta
    return_delivery: timedelta

    def of(self, name: Deadline | Timeout | None) -> timedelta:
        """By the name that the plan of the saga gives it."""
        if name is None:
            raise ValueError("the plan names no time for this step")
        found: timedelta = getattr(self, name)
        return found


@dataclass(frozen=True, slots=True)
class OrderWorkflowInput:
    """`place` None: the order is in the log, and its saga is taken up from there.

    `is_restored`: the log has lost the order, and the providers may know more of it than the log.
    """

    order_id: str
    deadlines: Deadlines
    place: PlaceInput | None = None
    is_restored: bool = False


@dataclass(frozen=True, slots=True)
class PlacedResult:
    """The answer to whoever placed the order; the fingerprint tells whose input it was."""

    position: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class PaymentWorkflowInput:
    order_id: str
    authorization: AuthorizationResult
    """Of the latest attempt, which the order workflow made or looked up itself."""
    opened_at: datetime
    """When the payment window opened."""
    deadlines: Deadlines


@dataclass(frozen=True, slots=True)
class PaymentRetryInput:
    method: str
    actor: str
    key: str
    """The customer's idempotency key."""


class PaymentResult(StrEnum):
    AUTHORIZED = "authorized"
    WINDOW_CLOSED = "window_closed"


@dataclass(frozen=True, slots=True)
class ReturnWorkflowInput:
    order_id: str
    deadlines: Deadlines
    requested_at: datetime
    settled: tuple[str, ...] = ()
    """Steps that a person has skipped or resolved."""
    parked: tuple[ParkedStep, ...] = ()
    """Steps that a run before this one may have left parked."""
    may_have_missed_notification: bool = False
    """It is taken up: the goods may have come back while nobody listened."""


@dataclass(frozen=True, slots=True)
class InterventionSignal:
    """A decision on a parked step, sent by hand from the Temporal Web UI or its command line.

    `step` None: every step that is parked.
    """

    reason: str
    actor: str
    step: str | None = None


class ReturnResult(StrEnum):
    RETURNED = "returned"
    LAPSED = "lapsed"
