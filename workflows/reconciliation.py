"""Now and then: take up what Temporal has lost, and compare the log with the providers' books."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError
from temporalio.workflow import ActivityConfig

from activities.interface import ReconciliationActivities, TakingUpActivities
from activities.types import AtOdds, Reconcile, TakenUp
from workflows.options import HEARTBEAT

READING: Final = ActivityConfig(
    start_to_close_timeout=timedelta(minutes=5),
    schedule_to_close_timeout=timedelta(minutes=5),
    heartbeat_timeout=HEARTBEAT,
    retry_policy=RetryPolicy(maximum_interval=timedelta(seconds=5)),
)
"""What does not succeed by then is left to the next run."""


@dataclass(frozen=True, slots=True)
class Reconciled:
    """`compared` None: a provider did not answer, and its book was not compared."""

    taken_up: TakenUp
    compared: int | None
    at_odds: tuple[AtOdds, ...] = ()


@workflow.defn
class ReconciliationWorkflow:
    @workflow.run
    async def run(self, reconcile: Reconcile) -> Reconciled:
        taken_up = await workflow.execute_activity_method(
            TakingUpActivities.take_up_missing, reconcile, **READING
        )
        try:
            compared, at_odds = await self._compare(reconcile)
        except ActivityError:
            workflow.logger.warning("a provider does not answer: its book was not compared")
            return Reconciled(taken_up, None)
        workflow.logger.info(
            "reconciled: %d sagas taken up, %d orders compared, %d at odds",
            *(taken_up.count, compared, len(at_odds)),
        )
        return Reconciled(taken_up, compared, at_odds)

    async def _compare(self, reconcile: Reconcile) -> tuple[int, tuple[AtOdds, ...]]:
        """What is at odds is looked at again: it may have been a step that was just being made."""
        compared = await workflow.execute_activity_method(
            ReconciliationActivities.compare_books, reconcile, **READING
        )
        if compared.at_odds:
            await workflow.sleep(compared.pause)
        if not compared.count and not compared.look_again:
            return 0, ()
        at_odds = await workflow.execute_activity_method(
            ReconciliationActivities.judge_books, compared, **READING
        )
        return compared.count, at_odds
