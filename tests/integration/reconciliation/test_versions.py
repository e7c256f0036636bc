"""Temporal routes workflows to workers of several builds."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from temporalio.api.enums.v1 import EventType, VersioningBehavior

from domain.provider_notifications import ShipmentNotificationKind
from roles.temporal_worker import temporal_worker
from temporal.promote import NoSuchBuild, promote
from temporal.versions import DEPLOYMENT
from tests.support.sagas import Sagas, an_order


@asynccontextmanager
async def working(sagas: Sagas, build_id: str) -> AsyncIterator[None]:
    activities = list(sagas.activities.values())
    async with temporal_worker(sagas.client, sagas.task_queue, activities, build_id=build_id):
        yield


def a_build() -> str:
    return uuid.uuid4().hex[:12]


async def delivered(sagas: Sagas) -> str:
    """Deliver an order, one event after the other, so that the cost is the same each time."""
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2)))
    await waits(sagas, order_id, timers=1)
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await waits(sagas, order_id, timers=2)
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
    assert await sagas.end(order_id) == "COMPLETED"
    return order_id


async def event_types(sagas: Sagas, order_id: str) -> list[int]:
    history = await sagas.workflow(order_id).fetch_history()
    return [event.event_type for event in history.events]


async def waits(sagas: Sagas, order_id: str, timers: int) -> None:
    """Wait until the workflow has nothing to do but wait, with this many timers so far."""
    waiting = EventType.EVENT_TYPE_TIMER_STARTED
    async with asyncio.timeout(20):
        while True:
            types = await event_types(sagas, order_id)
            if types.count(waiting) == timers and types[-1] == waiting:
                return
            await asyncio.sleep(0.01)


async def ran_in(sagas: Sagas, order_id: str) -> list[str]:
    """Return the builds that completed the workflow's tasks, in order, without repetitions."""
    history = await sagas.workflow(order_id).fetch_history()
    completed = [
        event.workflow_task_completed_event_attributes
        for event in history.events
        if event.HasField("workflow_task_completed_event_attributes")
    ]
    assert {c.versioning_behavior for c in completed} == {
        VersioningBehavior.VERSIONING_BEHAVIOR_AUTO_UPGRADE
    }
    assert {c.worker_deployment_name for c in completed} == {DEPLOYMENT}
    return list(dict.fromkeys(c.deployment_version.build_id for c in completed))


async def test_an_order_continues_in_the_promoted_build(idle_sagas: Sagas) -> None:
    sagas, first, second = idle_sagas, a_build(), a_build()
    async with working(sagas, first):
        await promote(sagas.client, first)
        order_id = await sagas.place(an_order((await sagas.stocked(5), 2)))
        await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
        async with working(sagas, second):
            await promote(sagas.client, second)
            await promote(sagas.client, second)
            await sagas.deliver(order_id)
            assert await sagas.end(order_id) == "COMPLETED"

    assert await ran_in(sagas, order_id) == [first, second]
    assert await sagas.money(order_id) == {"authorized": (1, 500), "captured": (1, 500)}


async def test_a_build_that_no_worker_runs_is_not_promoted(idle_sagas: Sagas) -> None:
    sagas, build, missing = idle_sagas, a_build(), a_build()
    async with working(sagas, build):
        await promote(sagas.client, build)
        with pytest.raises(NoSuchBuild, match=f"no worker of build {missing} polls"):
            await promote(sagas.client, missing, wait_seconds=0.5)
        assert await ran_in(sagas, await delivered(sagas)) == [build]


async def test_versions_cost_no_further_history_events(idle_sagas: Sagas) -> None:
    sagas, build = idle_sagas, a_build()
    async with working(sagas, ""):
        without = await event_types(sagas, await delivered(sagas))
    async with working(sagas, build):
        await promote(sagas.client, build)
        versioned = await event_types(sagas, await delivered(sagas))
    assert versioned == without
