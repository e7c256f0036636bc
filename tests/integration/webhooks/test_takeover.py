"""Several processes share the endpoints, and another one goes on where a process was killed."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from kit.eventually import eventually
from notifications.webhooks.leases import Leases
from stack.processes import ROOT
from tests.integration.webhooks.world import World
from tests.support import sending_process
from tests.support.keys import MASTER_KEY
from tests.support.webhook_receiver import Receiver


@asynccontextmanager
async def process(url: str, *dies: str) -> AsyncIterator[asyncio.subprocess.Process]:
    key = base64.b64encode(MASTER_KEY).decode()
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", sending_process.__name__, url, key, *dies),
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "WAYBILL_DATA_DIR": os.devnull},
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.kill()
        await started.wait()


@pytest.mark.parametrize("kills", [2])
async def test_an_event_whose_outcome_is_unknown_is_sent_again_under_its_id(
    world: World, receiver: Receiver, database_url: str, kills: int
) -> None:
    webhook = await world.register(receiver.url)
    ids = await world.receive("cup", "cup", "cup")
    for _ in range(kills):
        async with process(database_url, "dies") as sender:
            await sender.wait()
    assert receiver.ids == [ids[0]] * kills
    assert await world.attempts(webhook) == []

    async with world.sending():
        await receiver.until(kills + 3)
        await world.until_attempted(webhook, 3)
    assert receiver.ids == [ids[0]] * kills + ids


async def test_no_event_is_lost_when_the_sender_is_killed_at_any_time(
    world: World, receiver: Receiver, database_url: str
) -> None:
    await world.register(receiver.url)
    ids: list[str] = []
    for number in range(4):
        async with process(database_url):
            ids += await world.receive(*(f"sku-{number % 7}" for number in range(30)))
            await receiver.until(len(set(receiver.ids)) + 5 + number)
    async with world.sending():
        await eventually(lambda: set(ids) <= set(receiver.ids))
    for number in range(7):
        stream = f"inventory-sku-{number}"
        order = [str(event.event_id) for event in await world.store.load_events(stream)]
        got = [each.id for each in receiver.received if each.event["subject"] == stream]
        assert list(dict.fromkeys(got)) == order


async def test_two_processes_share_the_endpoints_and_one_takes_all(world: World) -> None:
    for number in range(7):
        await world.register(f"http://127.0.0.1:{9_000 + number}/")
    first, second = Leases(world.pool), Leases(world.pool)
    assert len(await first.renew()) == 7
    assert await second.renew() == []
    assert len(await first.renew()) == 4
    assert len(await second.renew()) == 3
    held = Counter(led.endpoint_id for led in [*await first.renew(), *await second.renew()])
    assert sorted(held.values()) == [1] * 7

    await world.pool.execute(
        "UPDATE eventstore.webhook_sender SET seen_at = seen_at - interval '6 s' WHERE member = $1",
        first.member,
    )
    assert len(await second.renew()) == 7
    await second.leave()
    assert len(await first.renew()) == 7


async def test_hundreds_of_endpoints_need_few_connections(world: World, receiver: Receiver) -> None:
    for _ in range(300):
        await world.register(receiver.url)
    (event_id,) = await world.receive("cup")
    async with world.sending():
        await receiver.until(300)
        connections = await world.pool.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        )
    assert receiver.ids == [event_id] * 300
    assert connections <= 20


async def test_a_process_that_lost_its_endpoint_records_nothing(
    world: World, receiver: Receiver
) -> None:
    webhook = await world.register(receiver.url)
    hold = asyncio.Event()
    accept = receiver.respond

    async def late(received: object, writer: asyncio.StreamWriter) -> None:
        await hold.wait()
        await accept(received, writer)  # type: ignore[arg-type]

    receiver.respond = late
    (event_id,) = await world.receive("cup")
    async with world.sending():
        await receiver.until(1)
        before = (await world.row(webhook))["position"]
        await world.registry.disable(webhook.id, "operator:ada")
        hold.set()
        await world.until(lambda: _is_free(world))
    assert (await world.row(webhook))["position"] == before
    assert await world.attempts(webhook) == []
    receiver.respond = accept
    await world.registry.enable(webhook.id)
    async with world.sending():
        await receiver.until(2)
    assert receiver.ids == [event_id] * 2


async def _is_free(world: World) -> bool:
    return await world.pool.fetchval("SELECT sender FROM eventstore.webhook_endpoint") is None
