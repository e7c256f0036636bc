"""Reconciliation is scheduled by whatever worker starts, and by all of them only once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import (
    Client,
    ScheduleActionStartWorkflow,
    ScheduleDescription,
    ScheduleOverlapPolicy,
)
from temporalio.service import RPCError

from workflows.schedule import SCHEDULE_ID, keep_scheduled, schedule

HALF_A_MINUTE, AN_HOUR = timedelta(seconds=30), timedelta(hours=1)
NOBODY = "a-queue-that-nobody-works-for"


@pytest.fixture(autouse=True)
async def unscheduled(client: Client) -> AsyncIterator[None]:
    await forget(client)
    yield
    await forget(client)
    async for workflow in client.list_workflows(f"TaskQueue = '{NOBODY}'"):
        with contextlib.suppress(RPCError):  # it has ended
            await client.get_workflow_handle(workflow.id).terminate()


async def forget(client: Client) -> None:
    with contextlib.suppress(RPCError):  # there is none
        await client.get_schedule_handle(SCHEDULE_ID).delete()


async def described(client: Client) -> ScheduleDescription:
    return await client.get_schedule_handle(SCHEDULE_ID).describe()


async def every(client: Client) -> list[timedelta]:
    return [interval.every for interval in (await described(client)).schedule.spec.intervals]


async def test_it_runs_at_once_and_then_regularly_one_run_at_a_time(client: Client) -> None:
    await schedule(client, NOBODY, HALF_A_MINUTE)

    found = (await described(client)).schedule
    assert isinstance(found.action, ScheduleActionStartWorkflow)
    assert found.action.workflow == "ReconciliationWorkflow"
    assert found.action.task_queue == NOBODY
    assert [interval.every for interval in found.spec.intervals] == [HALF_A_MINUTE]
    assert found.policy.overlap is ScheduleOverlapPolicy.SKIP
    assert found.policy.catchup_window == timedelta(seconds=10)
    async with asyncio.timeout(10):
        while not (await described(client)).info.recent_actions:  # noqa: ASYNC110 - a fact to wait for
            await asyncio.sleep(0.05)


async def test_many_workers_schedule_it_once_and_doing_it_again_changes_nothing(
    client: Client,
) -> None:
    await asyncio.gather(*(schedule(client, NOBODY, AN_HOUR) for _ in range(5)))
    first = await described(client)

    await schedule(client, NOBODY, AN_HOUR)

    again = await described(client)
    assert again.info.created_at == first.info.created_at
    assert again.info.last_updated_at == first.info.last_updated_at


async def test_a_worker_with_another_setting_changes_it_and_a_pause_stays(client: Client) -> None:
    await schedule(client, NOBODY, AN_HOUR)
    await client.get_schedule_handle(SCHEDULE_ID).pause(note="the carrier moves its books")

    await schedule(client, NOBODY, HALF_A_MINUTE)

    assert await every(client) == [HALF_A_MINUTE]
    state = (await described(client)).schedule.state
    assert (state.paused, state.note) == (True, "the carrier moves its books")


async def test_a_schedule_that_is_lost_is_made_again_while_the_worker_runs(client: Client) -> None:
    keeping = asyncio.create_task(keep_scheduled(client, NOBODY, timedelta(seconds=1)))
    try:
        await until_scheduled(client)
        await forget(client)
        await until_scheduled(client)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def until_scheduled(client: Client) -> None:
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(RPCError):  # not yet
                await described(client)
                return
            await asyncio.sleep(0.02)
