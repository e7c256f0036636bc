from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import StringConstraints

from domain.command import Command

Explanation = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=r"^\P{Cc}*$"),
]


class Intervention(StrEnum):
    """The actions of an operator on a parked step."""

    RETRY = "RETRY"
    """Retry the step: the cause is gone."""
    SKIP = "SKIP"
    """Continue without the step."""
    RESOLVE = "RESOLVE"
    """Continue: an operator has settled the step outside Waybill."""
    COMPENSATE = "COMPENSATE"
    """Start the compensation and undo the completed steps. Not for a step that is itself an
    undo."""


class RecoveryCause(StrEnum):
    MISSING = "MISSING"
    """No workflow runs for the saga: it was terminated, failed, or lost with Temporal's
    database."""
    BY_HAND = "BY_HAND"


class ReconciledSystem(StrEnum):
    """The system whose records differ from the log."""

    PAYMENT = "PAYMENT"
    SHIPMENT = "SHIPMENT"
    WORKFLOW = "WORKFLOW"
    """Temporal: the workflows that run there."""
    STOCK = "STOCK"
    """The warehouse: the pieces on hand."""


class SagaCommand(Command):
    """`aggregate_id` is the order's id."""


class ParkStep(SagaCommand):
    """Park the saga: a step, or the undo of one, has failed for good and an operator is needed."""

    step: str
    undoing: bool
    code: str
    message: str
    workflow_id: str


class UnparkStep(SagaCommand):
    """End the parking, because the step has ended without an operator."""

    step: str
    parking: int


class InterveneOnStep(SagaCommand):
    """`parking` is the number of the parking: each takes one intervention."""

    step: str
    parking: int
    kind: Intervention
    reason: Explanation


class RecoverSaga(SagaCommand):
    cause: RecoveryCause


class RecordDiscrepancy(SagaCommand):
    """Record that the log and another system's records disagree."""

    system: ReconciledSystem
    ours: str
    theirs: str


class AcceptDiscrepancy(SagaCommand):
    """Accept a difference as it was read. It is open again when it changes."""

    system: ReconciledSystem
    ours: str
    theirs: str
    reason: Explanation


class ResolveDiscrepancy(SagaCommand):
    """Record that they agree again."""

    system: ReconciledSystem
