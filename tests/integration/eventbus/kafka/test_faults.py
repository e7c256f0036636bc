"""Every event reaches a group, its effect is made once and each stream keeps its order."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import asyncpg

from eventbus.broker_bus import BrokerBus
from eventbus.kafka.bus import connected_bus
from kit.eventually import eventually
from kit.pool import Pool
from stack.processes import ROOT
from tests.support.bus_log import Log
from tests.support.consuming import CREATE, Effects, versions
from tests.support.kafka import KafkaBroker
from tests.support.kafka_proxy import kafka_proxy

GROUP = "counting"
STREAMS = 20


async def test_connections_that_are_cut_under_load_lose_repeat_and_reorder_no_effect(
    kafka_log: Log, kafka: KafkaBroker, owner: asyncpg.Connection
) -> None:
    await owner.execute(CREATE)
    async with (
        kafka_proxy(kafka.port) as proxy,
        aclosing(await connected_bus(proxy.bootstrap, kafka_log.pool)) as bus,
        kafka_log.relaying_to(bus),
    ):
        await subscribe(bus)
        for _ in range(10):
            await append(kafka_log, 3)
            await asyncio.sleep(0.1)  # so that cuts meet every state of the connections
            proxy.cut()
        await has_effects(kafka_log.pool, 30)
        assert proxy.cuts > 20
        assert await kafka_log.missing_to() is None


async def test_a_broker_that_is_stopped_and_started_under_load_costs_no_effect(
    kafka_log: Log, kafka: KafkaBroker, owner: asyncpg.Connection
) -> None:
    await owner.execute(CREATE)
    async with (
        aclosing(await connected_bus(kafka.bootstrap, kafka_log.pool)) as bus,
        kafka_log.relaying_to(bus),
    ):
        await subscribe(bus)
        for _ in range(3):
            await append(kafka_log, 5)
            await kafka.stop()
            await append(kafka_log, 5)
            await kafka.start()
        await has_effects(kafka_log.pool, 30)
        assert await kafka_log.missing_to() is None


async def test_a_relay_that_is_killed_under_load_costs_no_effect(
    kafka_log: Log,
    kafka: KafkaBroker,
    owner: asyncpg.Connection,
    database_url: str,
    tmp_path: Path,
) -> None:
    await owner.execute(CREATE)
    async with aclosing(await connected_bus(kafka.bootstrap, kafka_log.pool)) as bus:
        await subscribe(bus)
        for _ in range(3):
            async with worker(database_url, kafka, tmp_path) as relay:
                before = await kafka_log.checkpoint() or 0
                await append(kafka_log, 10)
                await _is_beyond(kafka_log, before)
                relay.kill()
                await relay.wait()
        async with worker(database_url, kafka, tmp_path):
            await has_effects(kafka_log.pool, 30)
    assert await kafka_log.missing_to() is None


async def subscribe(bus: BrokerBus) -> None:
    await bus.subscribe("*.*", Effects(GROUP), group=GROUP)


async def append(log: Log, count: int) -> None:
    for _ in range(count):
        for number in range(STREAMS):
            await log.append(1, f"order-{number}")


async def has_effects(pool: Pool, count: int) -> None:
    """Wait until the group has handled this many events of each stream, each once, in order."""
    expected = {f"order-{number}": list(range(1, count + 1)) for number in range(STREAMS)}

    async def are_complete() -> bool:
        return sum(map(len, (await versions(pool, GROUP)).values())) >= STREAMS * count

    await eventually(are_complete, 40)
    assert await versions(pool, GROUP) == expected


async def _is_beyond(log: Log, position: int) -> None:
    async def is_beyond() -> bool:
        return (await log.checkpoint() or 0) > position

    await eventually(is_beyond, 30)


@asynccontextmanager
async def worker(
    database_url: str, kafka: KafkaBroker, folder: Path
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A worker process that only relays."""
    with (folder / "relay.log").open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "worker.py", "--roles", "relay"),
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
                "WAYBILL_DATA_DIR": os.devnull,
                "WAYBILL_DATABASE_URL": database_url,
                "WAYBILL_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
                **kafka.settings,
            },
            stderr=stderr,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
