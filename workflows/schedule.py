"""Sees that reconciliation is scheduled, also once Temporal has lost all that it knew."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Final

from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
    ScheduleUpdate,
    ScheduleUpdateInput,
)
from temporalio.service import RPCError, RPCStatusCode

from activities.types import Reconcile
from workflows.reconciliation import ReconciliationWorkflow

logger = logging.getLogger(__name__)

SCHEDULE_ID: Final = "waybill-reconciliation"
CATCH_UP: Final = timedelta(seconds=10)
"""A run that was missed is not made up for: the next one sees all that it would have seen."""
AT_MOST: Final = timedelta(minutes=20)
"""A run that lasts longer is ended: the next one must not wait for it. It has nothing to undo."""
PATIENCE: Final = timedelta(seconds=10)


async def keep_scheduled(client: Client, task_queue: str, every: timedelta) -> None:
    """Endless. Every worker does it: whoever comes later finds it done."""
    while True:
        try:
            await schedule(client, task_queue, every)
        except RPCError as error:
            logger.warning("reconciliation could not be scheduled: %s; trying again", error)
        await asyncio.sleep(every.total_seconds())


async def schedule(client: Client, task_queue: str, every: timedelta) -> None:
    """Create it, or change it to this; one that somebody has paused stays paused."""
    wanted = _schedule(task_queue, every)
    handle = client.get_schedule_handle(SCHEDULE_ID)
    try:
        found = (await handle.describe(rpc_timeout=PATIENCE)).schedule
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        await _create(client, wanted)
        return
    if _facts(found) != _facts(wanted):

        def change(current: ScheduleUpdateInput) -> ScheduleUpdate:
            wanted.state = current.description.schedule.state
            return ScheduleUpdate(wanted)

        await handle.update(change, rpc_timeout=PATIENCE)
        logger.info("reconciliation runs every %s from now on", every)


async def _create(client: Client, wanted: Schedule) -> None:
    try:
        await client.create_schedule(
            SCHEDULE_ID, wanted, trigger_immediately=True, rpc_timeout=PATIENCE
        )
    except ScheduleAlreadyRunningError:  # another worker was quicker
        return
    logger.info("reconciliation is scheduled")


def _schedule(task_queue: str, every: timedelta) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            ReconciliationWorkflow.run,
            Reconcile(),
            id=SCHEDULE_ID,
            task_queue=task_queue,
            execution_timeout=AT_MOST,
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )


def _facts(schedule: Schedule) -> object:
    """What two schedules have to share; what they are started with is encrypted anew each time."""
    action = schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)  # noqa: S101 - there is no other kind
    started = (action.workflow, action.task_queue, action.execution_timeout)
    return started, schedule.spec.intervals, schedule.policy
