"""Processes of a group share the partitions, and one that is killed repeats no effect."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from kit.eventually import eventually
from kit.pool import Pool
from tests.support.bus_world import GROUP, World
from tests.support.buses import SHARED
from tests.support.consuming import Effects
from tests.support.consuming_processes import ConsumingProcess, consuming

ORDERS = 32


@asynccontextmanager
async def processes(
    world: World, database_url: str, folder: Path, count: int, **settings: str
) -> AsyncIterator[list[ConsumingProcess]]:
    async with AsyncExitStack() as stack:
        environment = {**world.broker.settings, "WAYBILL_DATABASE_URL": database_url, **settings}
        started = [
            await stack.enter_async_context(consuming(GROUP, environment, folder / f"{n}.log"))
            for n in range(count)
        ]
        yield started


shared = pytest.mark.parametrize("broker", SHARED, indirect=True)


@shared
async def test_a_process_killed_between_effect_and_acknowledgement_repeats_no_effect(
    world: World, database_url: str, tmp_path: Path
) -> None:
    expected = await world.publish_orders(20, 4)
    async with processes(world, database_url, tmp_path, 1, KEEPS_ACKNOWLEDGEMENTS="1") as (first,):
        await eventually(lambda: _has_effects_of(world.pool, first, 1), 30)
        first.send(signal.SIGKILL)
    before = await world.pool.fetchval("SELECT count(*) FROM effects.effect")
    assert before > 0
    await world.bus.subscribe("*.*", Effects(GROUP), group=GROUP)
    await world.has_versions(expected)


async def _has_effects_of(pool: Pool, process: ConsumingProcess, least: int) -> bool:
    count = await pool.fetchval(
        "SELECT count(*) FROM effects.effect WHERE process = $1", process.pid
    )
    return bool(count >= least)


@shared
async def test_processes_of_a_group_share_the_work_and_take_over_from_a_killed_one(
    world: World, database_url: str, tmp_path: Path
) -> None:
    async with processes(world, database_url, tmp_path, 2) as (first, second):
        rounds = await _publish_until_both_work(world, first, second)
        first.send(signal.SIGKILL)
        await world.publish_orders(ORDERS, 5)
        await world.has_versions(_orders(rounds + 5))


@shared
async def test_a_stopped_process_that_continues_repeats_and_overtakes_nothing(
    world: World, database_url: str, tmp_path: Path
) -> None:
    """Another process has taken its partitions meanwhile, and it does not know that yet."""
    async with processes(world, database_url, tmp_path, 2) as (first, second):
        rounds = await _publish_until_both_work(world, first, second)
        first.send(signal.SIGSTOP)
        await world.publish_orders(ORDERS, 5)
        await world.has_versions(_orders(rounds + 5), seconds=60)
        first.send(signal.SIGCONT)
        await world.publish_orders(ORDERS, 5)
        await world.has_versions(_orders(rounds + 10))
    assert await world.letters() == []


async def _publish_until_both_work(
    world: World, first: ConsumingProcess, second: ConsumingProcess
) -> int:
    """Return the number of events that each order then has."""
    rounds = 0

    async def both_work() -> bool:
        nonlocal rounds
        rounds += 1
        await world.publish_orders(ORDERS, 1)
        return await _has_effects_of(world.pool, first, 1) and await _has_effects_of(
            world.pool, second, 1
        )

    await eventually(both_work, 40, every=0.3)
    return rounds


def _orders(events: int) -> dict[str, list[int]]:
    return {f"order-{number}": list(range(1, events + 1)) for number in range(ORDERS)}
