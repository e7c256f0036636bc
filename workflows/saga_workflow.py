"""The updates and signals of every workflow whose steps may park.

From the Temporal Web UI or its command line, each of the four signals takes one argument, as JSON:
`{"reason": "the carrier has it again", "actor": "ada"}`. Add `"step"` to choose one of several
parked steps. Temporal does not verify the `actor`. So the log records the intervention as
Temporal's, with the claimed name in the reason.
"""

from __future__ import annotations

from typing import Final

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.types.order import RecordedResult
from activities.types.parking import InterventionInput
from domain.errors import ErrorCode
from domain.saga.commands import Intervention
from workflows.failure import refusal_of
from workflows.parking import not_parked
from workflows.saga import SagaRunner
from workflows.types import ClosedDisputeSignal, InterventionSignal

ACTOR: Final = "temporal"
"""The actor of an intervention that came as a signal."""
MAX_CLAIM: Final = 100
MAX_REASON: Final = 500


class SagaWorkflow:
    _saga: SagaRunner

    @workflow.update
    async def intervene(self, intervene: InterventionInput) -> RecordedResult:
        """Retry, skip, resolve or compensate a parked step; answer once the intervention is in the
        log."""
        try:
            return await self._saga.parked.intervene(intervene)
        except FailureError as error:
            raise refusal_of(error) or error from None

    @intervene.validator
    def _validate_intervene(self, intervene: InterventionInput) -> None:
        if not self._saga.parked.may_hold(intervene.step, intervene.parking):
            raise not_parked(intervene.order_id, intervene.step)

    @workflow.signal
    async def retry_saga(self, signal: InterventionSignal) -> None:
        await self._intervene_by_signal(Intervention.RETRY, signal)

    @workflow.signal
    async def skip_saga_step(self, signal: InterventionSignal) -> None:
        await self._intervene_by_signal(Intervention.SKIP, signal)

    @workflow.signal
    async def resolve_saga(self, signal: InterventionSignal) -> None:
        await self._intervene_by_signal(Intervention.RESOLVE, signal)

    @workflow.signal
    async def compensate_saga(self, signal: InterventionSignal) -> None:
        await self._intervene_by_signal(Intervention.COMPENSATE, signal)

    @workflow.signal
    def dispute_closed(self, closed: ClosedDisputeSignal) -> None:
        """Retry a step that the dispute had stopped. It stays parked until it succeeds."""
        self._saga.parked.retry(closed.step, ErrorCode.CHARGE_DISPUTED)

    async def _intervene_by_signal(
        self, intervention: Intervention, signal: InterventionSignal
    ) -> None:
        await self._saga.parked.intervene_all(
            intervention, step=signal.step, reason=_with_claim(signal), actor=ACTOR
        )


def _with_claim(signal: InterventionSignal) -> str:
    """Return the reason with the name that the signal claims, which no one has verified."""
    if signal.actor is None or not signal.reason.strip():
        return signal.reason
    claim = f" (unverified, as {signal.actor[:MAX_CLAIM]})"
    return signal.reason[: MAX_REASON - len(claim)] + claim
