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
    """What a person does about a parked step."""

    RETRY = "RETRY"
    """Try it again: the cause is gone."""
    SKIP = "SKIP"
    """Go on without it."""
    RESOLVE = "RESOLVE"
    """Go on: it has been settled by hand, outside."""
    COMPENSATE = "COMPENSATE"
    """Turn the saga round and undo what was done. Not for a step that is itself an undo."""


class RecoveryCause(StrEnum):
    MISSING = "MISSING"
    """No workflow runs for it: terminated, failed, or lost with Temporal's database."""
    BY_HAND = "BY_HAND"


class ReconciledSystem(StrEnum):
    """Whose account differs from the log's."""

    PAYMENT = "PAYMENT"
    SHIPMENT = "SHIPMENT"
    WORKFLOW = "WORKFLOW"
    """Temporal's: what runs there."""


class SagaCommand(Command):
    """`aggregate_id` is the order's id."""


class ParkStep(SagaCommand):
    """A step, or the undo of one, has failed for good: stop there and call for a person."""

    step: str
    undoing: bool
    code: str
    message: str
    workflow_id: str


class InterveneOnStep(SagaCommand):
    """`parking` is the number that the parking was given: each is decided on once."""

    step: str
    parking: int
    kind: Intervention
    reason: Explanation


class RecoverSaga(SagaCommand):
    cause: RecoveryCause


class RecordDiscrepancy(SagaCommand):
    """The log and another's book do not agree."""

    system: ReconciledSystem
    ours: str
    theirs: str


class ResolveDiscrepancy(SagaCommand):
    """They agree again."""

    system: ReconciledSystem
