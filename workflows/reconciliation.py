"""Recover the sagas that Temporal has lost, and compare the log with the providers' records.

These are two workflows on two schedules, so that a provider outage delays no recovery.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError
from temporalio.workflow import ActivityConfig

from activities.interface import ReconciliationActivities, RecoveryActivities
from activities.types.reconciliation import (
    Discrepancy,
    FailedOrders,
    ReconcileInput,
    RecoveryResult,
)
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
"""The time of one run. The next run resumes from the checkpoint."""


@dataclass(frozen=True, slots=True)
class ReconciliationResult:
    """`compared` counts the orders compared; `why_not` says why a comparison did not finish."""

    compared: int
    discrepancies: tuple[Discrepancy, ...] = ()
    failed_orders: FailedOrders = field(default_factory=FailedOrders)
    why_not: str | None = None


@workflow.defn
class RecoveryWorkflow:
    @workflow.run
    async def run(self, reconcile: ReconcileInput) -> RecoveryResult:
        recoveries = await workflow.execute_activity_method(
            RecoveryActivities.recover_missing, reconcile, **FINDING
        )
        workflow.logger.info(
            "%d sagas recovered, %d failed, %d orphaned",
            *(recoveries.count, recoveries.failed_orders.count, len(recoveries.discrepancies)),
        )
        return recoveries


@workflow.defn
class ReconciliationWorkflow:
    @workflow.run
    async def run(self, reconcile: ReconcileInput) -> ReconciliationResult:
        try:
            reconciled = await self._compare(reconcile)
        except ActivityError as error:
            workflow.logger.warning("the providers' records were not compared: %s", error.cause)
            return ReconciliationResult(0, why_not=str(error.cause))
        workflow.logger.info(
            "%d orders compared, %d with discrepancies, %d failed",
            *(reconciled.compared, len(reconciled.discrepancies), reconciled.failed_orders.count),
        )
        return reconciled

    async def _compare(self, reconcile: ReconcileInput) -> ReconciliationResult:
        """Compare twice: a discrepancy may come from a step that was in progress during the first
        look."""
        compared = await workflow.execute_activity_method(
            ReconciliationActivities.compare, reconcile, **COMPARING
        )
        if not compared.look_again:
            return ReconciliationResult(compared.count, failed_orders=compared.failed_orders)
        if compared.discrepancies:
            await workflow.sleep(compared.pause)
        judged = await workflow.execute_activity_method(
            ReconciliationActivities.recheck, compared, **COMPARING
        )
        failed_orders = FailedOrders(
            compared.failed_orders.count + judged.failed_orders.count,
            {**compared.failed_orders.why, **judged.failed_orders.why},
        )
        return ReconciliationResult(compared.count, judged.discrepancies, failed_orders)
