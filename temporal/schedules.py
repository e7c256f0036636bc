"""Keep reconciliation scheduled, also after Temporal has lost its database."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, NoReturn

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

from activities.types.reconciliation import ReconcileInput
from kit.faults import one_line
from kit.restart import restarting
from temporal.client import is_temporal_away
from temporal.provisioning import make_current_if_none_is, register_search_attributes
from temporal.scheduled_runs import delete_completed_runs
from workflows.reconciliation import ReconciliationWorkflow, RecoveryWorkflow

logger = logging.getLogger(__name__)

CATCH_UP: Final = timedelta(seconds=10)
"""A missed run is not repeated: the next run covers the same orders."""
TIMEOUT: Final = timedelta(seconds=10)


_NO_ANSWER: Final = frozenset({RPCStatusCode.UNAVAILABLE, RPCStatusCode.DEADLINE_EXCEEDED})


@dataclass(frozen=True, slots=True)
class Job:
    """`at_most`: a run that lasts longer is terminated, so that the next one can start. It has
    nothing to undo."""

    id: str
    run: Callable[[Any, ReconcileInput], Awaitable[object]]
    run_timeout: timedelta


RECOVERY: Final = Job("waybill-recovery", RecoveryWorkflow.run, timedelta(minutes=1))
RECONCILIATION: Final = Job(
    "waybill-reconciliation", ReconciliationWorkflow.run, timedelta(minutes=5)
)


async def keep_scheduled(
    client: Client, task_queue: str, every: timedelta, build_id: str = ""
) -> NoReturn:
    """Provide what the sagas need in Temporal, until cancelled. Every worker may do so at once."""
    await restarting(
        "the scheduling of reconciliation",
        lambda: _keep(client, task_queue, every, build_id),
        is_temporal_away,
    )


async def _keep(client: Client, task_queue: str, every: timedelta, build_id: str) -> NoReturn:
    while True:
        await _provide("the search attributes", register_search_attributes(client))
        for job in (RECOVERY, RECONCILIATION):
            await _provide(job.id, schedule(client, job, task_queue, every))
            await _provide(f"the runs of {job.id}", delete_completed_runs(client, job.id))
        await _provide("the build", make_current_if_none_is(client, task_queue, build_id))
        await asyncio.sleep(every.total_seconds())


async def _provide(what: str, providing: Awaitable[None]) -> None:
    try:
        await providing
    except RPCError as error:
        if error.status in _NO_ANSWER:  # the other calls would get no answer either
            raise
        logger.warning("%s could not be provided: %s; trying again", what, one_line(error))


async def schedule(client: Client, job: Job, task_queue: str, every: timedelta) -> None:
    """Create the schedule, or update it; a schedule that an operator has paused stays paused."""
    wanted = _schedule(job, task_queue, every)
    handle = client.get_schedule_handle(job.id)
    try:
        found = (await handle.describe(rpc_timeout=TIMEOUT)).schedule
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        await _create(client, job, wanted)
        return
    if _facts(found) != _facts(wanted):

        def change(current: ScheduleUpdateInput) -> ScheduleUpdate:
            wanted.state = current.description.schedule.state
            return ScheduleUpdate(wanted)

        await handle.update(change, rpc_timeout=TIMEOUT)
        logger.info("%s runs every %s from now on", job.id, every)


async def _create(client: Client, job: Job, wanted: Schedule) -> None:
    try:
        await client.create_schedule(job.id, wanted, trigger_immediately=True, rpc_timeout=TIMEOUT)
    except ScheduleAlreadyRunningError:  # another worker has created it first
        return
    logger.info("%s is scheduled", job.id)


def _schedule(job: Job, task_queue: str, every: timedelta) -> Schedule:
    return Schedule(
        action=ScheduleActionStartWorkflow(
            job.run,
            ReconcileInput(),
            id=job.id,
            task_queue=task_queue,
            execution_timeout=job.run_timeout,
        ),
        spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
        policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=CATCH_UP),
    )


def _facts(schedule: Schedule) -> object:
    """Return the facts in which two schedules must agree; the input is encrypted anew each time."""
    action = schedule.action
    assert isinstance(action, ScheduleActionStartWorkflow)  # noqa: S101 - there is no other kind
    started = (action.workflow, action.task_queue, action.execution_timeout)
    return started, schedule.spec.intervals, schedule.policy
