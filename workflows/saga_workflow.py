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
from activities.types import Decide, Recorded
from domain.saga.commands import Decision
from domain.saga.plan import SagaStep, Undo
from workflows.failure import refusal_of
from workflows.options import DATABASE, asking
from workflows.parking import not_parked
from workflows.saga import Saga
from workflows.types import Deadlines, Say

OrderStep = Callable[[OrderActivities, str], Awaitable[None]]


class SagaWorkflow:
    _id: str
    """The order's."""
    _deadlines: Deadlines
    _saga: Saga

    def _asking(self, step: SagaStep | Undo) -> ActivityConfig:
        return asking(step, self._deadlines)

    async def _on_order(self, activity: OrderStep) -> None:
        await workflow.execute_local_activity_method(activity, self._id, **DATABASE)

    @workflow.update
    async def decide(self, decide: Decide) -> Recorded:
        """Retry, skip, resolve or compensate a parked step; answers once that is in the log."""
        try:
            return await self._saga.parked.decide(decide)
        except FailureError as error:
            raise refusal_of(error) or error from None

    @decide.validator
    def _validate_decide(self, decide: Decide) -> None:
        if not self._saga.parked.holds(decide.step, decide.parking):
            raise not_parked(decide.order_id, decide.step)

    @workflow.signal
    async def retry_saga(self, say: Say) -> None:
        await self._say(Decision.RETRY, say)

    @workflow.signal
    async def skip_saga_step(self, say: Say) -> None:
        await self._say(Decision.SKIP, say)

    @workflow.signal
    async def resolve_saga(self, say: Say) -> None:
        await self._say(Decision.RESOLVE, say)

    @workflow.signal
    async def compensate_saga(self, say: Say) -> None:
        await self._say(Decision.COMPENSATE, say)

    async def _say(self, decision: Decision, say: Say) -> None:
        await self._saga.parked.decide_all(
            decision, step=say.step, reason=say.reason, actor=say.actor
        )
