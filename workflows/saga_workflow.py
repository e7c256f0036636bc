"""The updates and signals of every workflow whose steps may park.

From the Temporal Web UI or its command line, each of the four signals takes one argument, as JSON:
`{"reason": "the carrier has it again", "actor": "operator:ada"}`. Add `"step"` to choose one of
several parked steps.
"""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.types import InterventionInput, RecordedResult
from domain.saga.commands import Intervention
from workflows.failure import refusal_of
from workflows.parking import not_parked
from workflows.saga import SagaRunner
from workflows.types import InterventionSignal


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
        if not self._saga.parked.holds(intervene.step, intervene.parking):
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

    async def _intervene_by_signal(
        self, intervention: Intervention, signal: InterventionSignal
    ) -> None:
        await self._saga.parked.intervene_all(
            intervention, step=signal.step, reason=signal.reason, actor=signal.actor
        )
