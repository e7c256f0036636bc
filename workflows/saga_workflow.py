"""What every workflow with steps that may park understands, in code and by hand.

From the Temporal Web UI or its command line the four signals take one argument, as JSON:
`{"reason": "the carrier has it again", "actor": "operator:ada"}`, with `"step"` where one of
several parked steps is meant.
"""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from activities.types import Decide, Recorded
from domain.errors import ErrorCode
from domain.saga.commands import Decision
from workflows.failure import refusal_of
from workflows.saga import Saga
from workflows.types import Say


class SagaWorkflow:
    _saga: Saga

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
            raise ApplicationError(
                f"the saga of order {decide.order_id} is not parked at {decide.step}",
                type=ErrorCode.SAGA_NOT_PARKED,
                non_retryable=True,
            )

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
        """Nobody waits for an answer: what cannot be done is told in the log."""
        try:
            await self._saga.parked.decide_all(
                decision, step=say.step, reason=say.reason, actor=say.actor
            )
        except FailureError as error:
            workflow.logger.warning("not decided: %s", refusal_of(error) or "try again")
