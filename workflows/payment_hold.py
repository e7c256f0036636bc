"""The hold on the customer's money, from its authorization until the parcel has left.

The saga relies on a hold until a tenth of its time is left, or until the provider reports that it
has ended. Then it asks the provider before it lets the parcel leave.
"""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import FailureError
from temporalio.workflow import ActivityConfig

from activities.interface import PaymentActivities
from domain.saga import plan
from domain.saga.plan import PlanStep
from workflows.saga import SagaRunner, StepLeft


class HoldEnded(StepLeft):
    """The money of this attempt is not held any more, or not for long."""

    def __init__(self, attempt: int) -> None:
        super().__init__(attempt)
        self.attempt = attempt


class PaymentHold:
    def __init__(self, saga: SagaRunner) -> None:
        self._saga = saga
        self._may_have_ended = False
        self.relied_on_until: datetime | None = None
        """The time at which the provider is asked; None while no end is known."""

    def doubt(self) -> None:
        """Ask the provider before the parcel leaves: it may have ended the hold."""
        self._may_have_ended = True

    def waive(self) -> None:
        """Rely on the hold no more: an operator lets the parcel leave without it."""
        self._may_have_ended = False
        self.relied_on_until = None

    def is_in_doubt(self) -> bool:
        return self._may_have_ended or self._has_run_out()

    async def check(self, step: PlanStep) -> None:
        """Ask the provider if the hold is in doubt. Raises HoldEnded."""
        while self.is_in_doubt():
            self._may_have_ended = False
            try:
                hold = await self._saga.ask(
                    PaymentActivities.check_hold,
                    self._saga.order_id,
                    step,
                    self._asking(step),
                    until=self._saga.closes_at(plan.AWAIT_DISPATCH),
                )
            except FailureError:
                self._may_have_ended = True
                raise
            self.relied_on_until = hold.relied_on_until
            if not hold.is_held or self._has_run_out():
                raise HoldEnded(hold.attempt)

    def _asking(self, step: PlanStep) -> ActivityConfig:
        """Return the options of a question that an outage of the provider must not end."""
        left = self._saga.closes_at(plan.AWAIT_DISPATCH) - workflow.now()
        asking = self._saga.asking(step)
        asking["schedule_to_close_timeout"] = max(self._saga.deadlines.of(step.timeout), left)
        return asking

    def _has_run_out(self) -> bool:
        return self.relied_on_until is not None and workflow.now() >= self.relied_on_until
