"""Temporal's list of workflows keeps what failed, and the newest of what succeeded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio import workflow
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleHandle,
    ScheduleSpec,
    WorkflowExecutionStatus,
)
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from temporal import scheduled_runs
from temporal.scheduled_runs import delete_completed_runs

Statuses = list[WorkflowExecutionStatus | None]
COMPLETED, FAILED = WorkflowExecutionStatus.COMPLETED, WorkflowExecutionStatus.FAILED


@workflow.defn
class Scheduled:
    @workflow.run
    async def run(self, fails: bool) -> None:
        if fails:
            raise ApplicationError("as it was told", non_retryable=True)


@pytest.fixture
async def queue(client: Client) -> AsyncIterator[str]:
    queue = f"scheduled-{uuid4()}"
    runner = UnsandboxedWorkflowRunner()
    async with Worker(client, task_queue=queue, workflows=[Scheduled], workflow_runner=runner):
        yield queue


async def a_run_of(client: Client, schedule_id: str, queue: str, *, fails: bool) -> ScheduleHandle:
    action = ScheduleActionStartWorkflow(Scheduled.run, fails, id=schedule_id, task_queue=queue)
    return await client.create_schedule(
        schedule_id, Schedule(action=action, spec=ScheduleSpec()), trigger_immediately=True
    )


async def statuses(client: Client, schedule_id: str) -> Statuses:
    query = f"TemporalScheduledById = '{schedule_id}'"
    return [run.status async for run in client.list_workflows(query)]


async def until(client: Client, schedule_id: str, is_so: Callable[[Statuses], bool]) -> Statuses:
    async with asyncio.timeout(20):
        while not is_so(found := await statuses(client, schedule_id)):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found


async def until_deleted(client: Client, schedule_id: str, left: Statuses) -> None:
    """Delete in rounds, as a worker does, until only these runs are listed."""
    async with asyncio.timeout(30):
        while await statuses(client, schedule_id) != left:
            await delete_completed_runs(client, schedule_id)
            await asyncio.sleep(0.2)
    await delete_completed_runs(client, schedule_id)
    assert await statuses(client, schedule_id) == left


@pytest.mark.parametrize(("fails", "left"), [(False, []), (True, [FAILED])])
async def test_a_run_that_succeeded_is_deleted_and_one_that_failed_stays(
    client: Client, queue: str, monkeypatch: pytest.MonkeyPatch, fails: bool, left: Statuses
) -> None:
    schedule_id = f"s-{uuid4()}"
    handle = await a_run_of(client, schedule_id, queue, fails=fails)
    await until(client, schedule_id, lambda found: found in ([COMPLETED], [FAILED]))

    await delete_completed_runs(client, schedule_id)
    assert len(await statuses(client, schedule_id)) == 1  # it is one of the newest

    monkeypatch.setattr(scheduled_runs, "KEPT_FOR", timedelta(seconds=-5))
    await until_deleted(client, schedule_id, left)

    await handle.trigger()  # the schedule goes on
    more = [*left, FAILED if fails else COMPLETED]
    await until(client, schedule_id, lambda found: found == more)
    await handle.delete()


async def test_the_runs_of_another_schedule_stay(
    client: Client, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule_id = f"s-{uuid4()}"
    handle = await a_run_of(client, schedule_id, queue, fails=False)
    await until(client, schedule_id, lambda found: found == [COMPLETED])

    monkeypatch.setattr(scheduled_runs, "KEPT_FOR", timedelta(seconds=-5))
    await delete_completed_runs(client, f"{schedule_id}-other")

    assert await statuses(client, schedule_id) == [COMPLETED]
    await handle.delete()
