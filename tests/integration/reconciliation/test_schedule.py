"""Any worker schedules reconciliation, and all of them together do it once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import pytest
from temporalio.client import (
    Client,
    ScheduleActionStartWorkflow,
    ScheduleDescription,
    ScheduleOverlapPolicy,
)
from temporalio.service import RPCError

from kit.eventually import eventually
from temporal.schedules import RECONCILIATION, RECOVERY, keep_scheduled, schedule
from tests.integration.reconciliation.conftest import forget_schedules

HALF_A_MINUTE, AN_HOUR = timedelta(seconds=30), timedelta(hours=1)
NO_WORKER = "a-queue-without-workers"


@pytest.fixture(autouse=True)
async def unscheduled(client: Client) -> AsyncIterator[None]:
    await forget_schedules(client)
    yield
    await forget_schedules(client)


async def described(client: Client) -> ScheduleDescription:
    return await client.get_schedule_handle(RECOVERY.id).describe()


async def every(client: Client) -> list[timedelta]:
    return [interval.every for interval in (await described(client)).schedule.spec.intervals]


async def test_it_runs_at_once_and_then_at_intervals_without_overlap(client: Client) -> None:
    await schedule(client, RECOVERY, NO_WORKER, HALF_A_MINUTE)

    found = (await described(client)).schedule
    assert isinstance(found.action, ScheduleActionStartWorkflow)
    assert found.action.workflow == "RecoveryWorkflow"
    assert found.action.task_queue == NO_WORKER
    assert [interval.every for interval in found.spec.intervals] == [HALF_A_MINUTE]
    assert found.policy.overlap is ScheduleOverlapPolicy.SKIP
    assert found.policy.catchup_window == timedelta(seconds=10)

    async def has_run() -> bool:
        return bool((await described(client)).info.recent_actions)

    await eventually(has_run, 10, every=0.05)


async def test_many_workers_schedule_it_once(
    client: Client,
) -> None:
    await asyncio.gather(*(schedule(client, RECOVERY, NO_WORKER, AN_HOUR) for _ in range(5)))
    first = await described(client)

    await schedule(client, RECOVERY, NO_WORKER, AN_HOUR)

    again = await described(client)
    assert again.info.created_at == first.info.created_at
    assert again.info.last_updated_at == first.info.last_updated_at


async def test_a_worker_with_another_setting_changes_it_and_a_pause_stays(client: Client) -> None:
    await schedule(client, RECOVERY, NO_WORKER, AN_HOUR)
    await client.get_schedule_handle(RECOVERY.id).pause(note="the carrier is under maintenance")

    await schedule(client, RECOVERY, NO_WORKER, HALF_A_MINUTE)

    assert await every(client) == [HALF_A_MINUTE]
    state = (await described(client)).schedule.state
    assert (state.paused, state.note) == (True, "the carrier is under maintenance")


async def test_lost_schedules_are_created_again_while_the_worker_runs(client: Client) -> None:
    keeping = asyncio.create_task(keep_scheduled(client, NO_WORKER, timedelta(seconds=1)))
    try:
        await until_scheduled(client)
        await forget_schedules(client)
        await until_scheduled(client)
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def until_scheduled(client: Client) -> None:
    for job in (RECOVERY, RECONCILIATION):
        await eventually(partial(is_scheduled, client, job.id), 10)


async def is_scheduled(client: Client, schedule_id: str) -> bool:
    try:
        await client.get_schedule_handle(schedule_id).describe()
    except RPCError:
        return False
    return True
