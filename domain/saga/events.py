from __future__ import annotations

from domain.event import Event
from domain.saga.commands import ReconciledSystem, RecoveryCause


class SagaParked(Event):
    """A step has failed for good; the saga keeps what it holds until an operator intervenes.

    The step stays parked while the saga retries it by itself.
    """

    order_id: str
    step: str
    """The parked step of the saga's plan, or the name of an undo."""
    undoing: bool
    """True when the step is an undo."""
    parking: int
    """The number of the parking, counted from 1 over all of the saga's steps."""
    code: str
    """The reason of the failure, for programs."""
    message: str
    """The reason of the failure, for people; never with personal data."""
    workflow_id: str
    """The Temporal workflow that waits for the intervention."""


class SagaUnparked(Event):
    """The parked step has ended without an operator: a retry has succeeded, or the saga no longer
    needs the step."""

    order_id: str
    step: str
    """The parked step of the saga's plan, or the name of an undo."""
    parking: int
    """The number of the parking."""


class SagaStepIntervened(Event):
    """An operator, or the system, has intervened on a parked step; the event's actor says which."""

    order_id: str
    step: str
    """The parked step of the saga's plan, or the name of an undo."""
    parking: int
    """The number of the parking."""
    reason: str
    """The reason, in the words of the actor."""


class SagaRetried(SagaStepIntervened):
    """The parked step is retried."""


class SagaStepSkipped(SagaStepIntervened):
    """The saga continues without the step."""


class SagaStepResolved(SagaStepIntervened):
    """The step was settled outside Waybill, and the saga continues."""


class SagaCompensationRequested(SagaStepIntervened):
    """The saga compensates: it undoes the completed steps."""


class SagaRecovered(Event):
    """The saga had lost its workflow and continues in a new one, from the log alone."""

    order_id: str
    cause: RecoveryCause
    """The reason of the recovery."""


class DiscrepancyFound(Event):
    """Reconciliation has found that the log and another system's records disagree."""

    order_id: str
    system: ReconciledSystem
    """The system that keeps the other record."""
    ours: str
    """The state in the log."""
    theirs: str
    """The state in the other system."""


class DiscrepancyAccepted(Event):
    """An operator has accepted the difference: it ends its alarm, and stays readable."""

    order_id: str
    system: ReconciledSystem
    """The system that keeps the other record."""
    reason: str
    """The reason, in the words of the operator."""


class DiscrepancyResolved(Event):
    """The log and the other system agree again."""

    order_id: str
    system: ReconciledSystem
    """The system whose record had differed."""


SagaEvent = (
    SagaParked
    | SagaUnparked
    | SagaRetried
    | SagaStepSkipped
    | SagaStepResolved
    | SagaCompensationRequested
    | SagaRecovered
    | DiscrepancyFound
    | DiscrepancyAccepted
    | DiscrepancyResolved
)
