"""What every workflow with steps that may park understands, in code and by hand.

From the Temporal Web UI or its command line the four signals take one argument, as JSON:
`{"reason": "the carrier has it again", "actor": "operator:ada"}`, with `"step"` where one of
several parked steps is meant.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from temporalio import workflow
from temporalio.exceptions import FailureError
from temporalio.workflow import ActivityConfig

from activities.interface import OrderActivities
from activities.types import InterventionInput, RecordedResult
from domain.saga.commands import Intervention
from domain.saga.plan import PlanStep, Undo
from workflows.failure import refusal_of
from workflows.options import DATABASE, asking
from workflows.parking import not_parked
from workflows.saga import SagaRunner
from workflows.types import Deadlines, InterventionSignal

OrderStep = Callable[[OrderActivities, str], Awaitable[None]]


class SagaWorkflow:
    _id: str
    """The order's."""
    _deadlines: Deadlines
    _saga: SagaRunner

    def _asking(self, step: PlanStep | Undo) -> ActivityConfig:
        return asking(step, self._deadlines)

    async def _on_order(self, activity: OrderStep) -> None:
        await workflow.execute_local_activity_method(activity, self._id, **DATABASE)

    @workflow.update
    async def intervene(self, intervene: InterventionInput) -> RecordedResult:
        """Retry, skip, resolve or compensate a parked step; answers once that is in the log."""
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
