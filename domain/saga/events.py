from __future__ import annotations

from domain.event import Event
from domain.saga.commands import ReconciledSystem, RecoveryCause


class SagaParked(Event):
    """A step has failed for good; the saga holds what it holds until somebody decides."""

    order_id: str
    step: str
    """Of the saga's plan, or the name of an undo."""
    undoing: bool
    """Whether it is an undo."""
    parking: int
    """Counts from 1, over all of the saga's steps."""
    code: str
    """Why it failed, for programs."""
    message: str
    """Why it failed, for people; never with personal data."""
    workflow_id: str
    """The Temporal workflow that waits for the decision."""


class SagaStepIntervened(Event):
    """Somebody has decided on a parked step; the event's actor tells who."""

    order_id: str
    step: str
    """Where it was parked: of the saga's plan, or the name of an undo."""
    parking: int
    """The one that is decided on."""
    reason: str
    """In the words of whoever decided."""


class SagaRetried(SagaStepIntervened):
    """The parked step is tried again."""


class SagaStepSkipped(SagaStepIntervened):
    """The saga goes on without the step."""


class SagaStepResolved(SagaStepIntervened):
    """The step was settled by hand, and the saga goes on."""


class SagaCompensationRequested(SagaStepIntervened):
    """The saga turns round and undoes what was done."""


class SagaRecovered(Event):
    """The saga had no workflow any more and goes on in a new one, from the log alone."""

    order_id: str
    cause: RecoveryCause
    """Why it had to be."""


class DiscrepancyFound(Event):
    """Reconciliation has found the log and another's book at odds."""

    order_id: str
    system: ReconciledSystem
    """Who keeps the other account."""
    ours: str
    """As the log has it."""
    theirs: str
    """As the other has it."""


class DiscrepancyResolved(Event):
    """The log and that book agree again."""

    order_id: str
    system: ReconciledSystem
    """Whose account had differed."""


SagaEvent = (
    SagaParked
    | SagaRetried
    | SagaStepSkipped
    | SagaStepResolved
    | SagaCompensationRequested
    | SagaRecovered
    | DiscrepancyFound
    | DiscrepancyResolved
)
