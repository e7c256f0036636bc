"""Now and then: take up what Temporal has lost, and compare the log with the providers' books.

Two workflows, on two schedules: a provider that is silent keeps no lost saga waiting.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError
from temporalio.workflow import ActivityConfig

from activities.interface import ReconciliationActivities, TakingUpActivities
from activities.types import AtOdds, LeftOut, Reconcile, TakenUp
from workflows.options import HEARTBEAT

FINDING: Final = ActivityConfig(
    schedule_to_close_timeout=timedelta(seconds=50),
    heartbeat_timeout=HEARTBEAT,
    retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
)
COMPARING: Final = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=90),
    heartbeat_timeout=HEARTBEAT,
    retry_policy=RetryPolicy(maximum_attempts=2),
)
"""What does not succeed by then is left to the next run: its place in the log is kept."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """`compared`: of so many orders, the books; `why_not` where that came to no end."""

    compared: int
    at_odds: tuple[AtOdds, ...] = ()
    left_out: LeftOut = field(default_factory=LeftOut)
    why_not: str | None = None


@workflow.defn
class TakingUpWorkflow:
    @workflow.run
    async def run(self, reconcile: Reconcile) -> TakenUp:
        taken_up = await workflow.execute_activity_method(
            TakingUpActivities.take_up_missing, reconcile, **FINDING
        )
        workflow.logger.info(
            "%d sagas taken up, %d left out, %d needless",
            *(taken_up.count, taken_up.left_out.count, len(taken_up.at_odds)),
        )
        return taken_up


@workflow.defn
class ReconciliationWorkflow:
    @workflow.run
    async def run(self, reconcile: Reconcile) -> Reconciled:
        try:
            reconciled = await self._compare(reconcile)
        except ActivityError as error:
            workflow.logger.warning("the books were not compared: %s", error.cause)
            return Reconciled(0, why_not=str(error.cause))
        workflow.logger.info(
            "books of %d orders compared, %d at odds, %d left out",
            *(reconciled.compared, len(reconciled.at_odds), reconciled.left_out.count),
        )
        return reconciled

    async def _compare(self, reconcile: Reconcile) -> Reconciled:
        """What is at odds is looked at again: it may have been a step that was just being made."""
        compared = await workflow.execute_activity_method(
            ReconciliationActivities.compare_books, reconcile, **COMPARING
        )
        if not compared.look_again:
            return Reconciled(compared.count, left_out=compared.left_out)
        if compared.at_odds:
            await workflow.sleep(compared.pause)
        judged = await workflow.execute_activity_method(
            ReconciliationActivities.judge_books, compared, **COMPARING
        )
        left_out = LeftOut(
            compared.left_out.count + judged.left_out.count,
            {**compared.left_out.why, **judged.left_out.why},
        )
        return Reconciled(compared.count, judged.at_odds, left_out)
