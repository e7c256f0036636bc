"""A step that is parked, and what an operator decides on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from domain.command import Command
from domain.idempotency import KeyUse
from domain.order.commands import CancellationReason, RequestCancellation
from domain.saga.commands import InterveneOnStep, Intervention


@dataclass(frozen=True, slots=True)
class ParkedStep:
    step: str
    number: int
    workflow_id: str
    """The workflow in which the step is parked, or was until it was terminated."""
    undoing: bool = False


@dataclass(frozen=True, slots=True)
class ParkInput:
    """A step that has failed for good, and why.

    `parking` is the number under which it is parked already. `retry_in` is None for a step that
    waits for an operator.
    """

    order_id: str
    step: str
    undoing: bool
    code: str
    message: str
    failed_at: datetime
    retry_in: timedelta | None = None
    parking: int | None = None


@dataclass(frozen=True, slots=True)
class ParkResult:
    """The open parking. `intervention` is set when the log has one that the workflow has not
    seen."""

    number: int
    since: datetime | None = None
    intervention: Intervention | None = None


@dataclass(frozen=True, slots=True)
class UnparkInput:
    order_id: str
    step: str
    parking: int


@dataclass(frozen=True, slots=True)
class InterventionInput:
    """An operator's intervention on a parked step."""

    order_id: str
    step: str
    parking: int
    kind: Intervention
    reason: str
    actor: str
    key: KeyUse | None = None

    @property
    def commands(self) -> tuple[Command, ...]:
        """Return the commands that record it. Raises ValidationError for an invalid reason."""
        intervene = InterveneOnStep(
            aggregate_id=self.order_id,
            step=self.step,
            parking=self.parking,
            kind=self.kind,
            reason=self.reason,
        )
        if self.kind is not Intervention.COMPENSATE:
            return (intervene,)
        # The order records its compensation too, so that a recovery finds it.
        compensate = RequestCancellation(
            aggregate_id=self.order_id,
            reason=CancellationReason.OPERATOR_REQUEST,
            after_dispatch=True,
        )
        return (intervene, compensate)


@dataclass(frozen=True, slots=True)
class InterventionResult:
    """The intervention that holds; it may be an earlier one that the workflow has not seen."""

    position: int
    kind: Intervention
    call: UUID | None = None
