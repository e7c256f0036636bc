"""The inputs and results of the workflows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from activities.types.order import PlaceInput
from activities.types.parking import ParkedStep
from activities.types.payment import AuthorizationResult
from domain.idempotency import KeyUse
from domain.order.promises import Promises
from domain.saga.plan import Deadline, Timeout


class SagaType(StrEnum):
    ORDER = "order"


@dataclass(frozen=True, slots=True)
class Deadlines:
    """The times that the saga waits for others, fixed at its start so that replays agree.

    An order's own promises, in the log, replace those of the settings.
    """

    provider_timeout: timedelta
    """The time for a provider's answer on the forward path; then the saga compensates."""
    undo_timeout: timedelta
    """The time for a provider's answer to a call that must succeed; then the saga parks."""
    parked_retry: timedelta
    """The pause before the first automatic retry of a parked step that was not refused."""
    backorder: timedelta
    payment_window: timedelta
    dispatch: timedelta
    delivery: timedelta
    return_window: timedelta
    return_delivery: timedelta

    @property
    def promises(self) -> Promises:
        """Return the times that an order is promised when it is placed now."""
        return Promises.model_validate(
            {name: getattr(self, name) for name in Promises.model_fields}
        )

    def keeping(self, promises: Promises) -> Deadlines:
        """Return these time-outs with the deadlines that an order was promised."""
        return replace(self, **dict(promises))

    def of(self, name: Deadline | Timeout | None) -> timedelta:
        """Return the time by the name that the saga's plan gives it."""
        if name is None:
            raise ValueError("the plan names no deadline or time-out for this step")
        found: timedelta = getattr(self, name)
        return found


@dataclass(frozen=True, slots=True)
class OrderWorkflowInput:
    """`place` is None when the order is in the log and the saga is recovered from it.

    `is_restored`: the log has lost the order, and the providers may know more of it than the log.
    """

    order_id: str
    deadlines: Deadlines
    place: PlaceInput | None = None
    is_restored: bool = False


@dataclass(frozen=True, slots=True)
class PlacedResult:
    """The answer to the caller who placed the order; `fingerprint` identifies the input."""

    position: int
    fingerprint: str
    call: UUID | None = None
    """The call that has placed the order; None once the saga was recovered."""


@dataclass(frozen=True, slots=True)
class PaymentWorkflowInput:
    order_id: str
    authorization: AuthorizationResult
    """The result of the latest attempt, which the order workflow made or looked up."""
    opened_at: datetime
    """The time at which the payment window opened."""
    deadlines: Deadlines


@dataclass(frozen=True, slots=True)
class PaymentRetryInput:
    method: str
    actor: str
    key: KeyUse


class PaymentResult(StrEnum):
    AUTHORIZED = "authorized"
    WINDOW_CLOSED = "window_closed"


@dataclass(frozen=True, slots=True)
class PaymentWorkflowResult:
    """`relied_on_until` is the time at which an authorized payment is to be looked at again."""

    outcome: PaymentResult
    relied_on_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ReturnWorkflowInput:
    order_id: str
    deadlines: Deadlines
    requested_at: datetime
    settled: tuple[str, ...] = ()
    """The steps that an operator has skipped or resolved."""
    parked: tuple[ParkedStep, ...] = ()
    """The steps that an earlier run may have left parked."""
    may_have_missed_notification: bool = False
    """The return is recovered: the goods may have come back while no workflow ran."""


@dataclass(frozen=True, slots=True)
class RefundWorkflowInput:
    order_id: str
    number: int
    """The number of the refund that an operator has requested."""
    deadlines: Deadlines


@dataclass(frozen=True, slots=True)
class InterventionSignal:
    """An intervention on a parked step, sent from the Temporal Web UI or its command line.

    `step` None means every parked step.
    """

    reason: str
    actor: str | None = None
    """The name that the sender claims. It is not verified."""
    step: str | None = None


@dataclass(frozen=True, slots=True)
class ClosedDisputeSignal:
    """The dispute of an order that has stopped this step is closed."""

    order_id: str
    step: str


class ReturnResult(StrEnum):
    RETURNED = "returned"
    LAPSED = "lapsed"
