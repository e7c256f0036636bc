"""What waits for a consumer group is known to every process, also while none of the group runs."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from domain.order.events import OrderReserved
from eventbus.backlog import Backlog
from eventbus.buses import backlogs
from eventstore.envelope import StoredEvent
from kit.eventually import eventually
from kit.pool import Connection
from settings import Bus, Settings
from tests.support.bus_world import World

GROUP = "backlog"


async def test_a_groups_backlog_is_what_it_has_not_acknowledged(world: World) -> None:
    given = {name.removeprefix("WAYBILL_").lower(): v for name, v in world.broker.settings.items()}
    settings = Settings(**{"bus": Bus.MEMORY, **given})  # type: ignore[arg-type] # by their names
    may_handle = asyncio.Event()

    async def wait(connection: Connection, event: StoredEvent) -> None:
        del connection, event
        await may_handle.wait()

    async def backlog() -> Backlog | None:
        return next((b for b in await backlogs(settings) if b.group == GROUP), None)

    async def has(messages: int) -> bool:
        found = await backlog()
        return found is not None and found.messages == messages

    order = str(uuid4())
    await world.bus.subscribe("order.*", wait, group=GROUP)
    await world.publish(f"order-{order}", *[OrderReserved(order_id=order)] * 3)
    if settings.bus is Bus.MEMORY:
        assert await backlogs(settings) == []
        return
    await eventually(lambda: has(3))
    waiting = await backlog()
    assert waiting is not None
    assert waiting.oldest_seconds is None or waiting.oldest_seconds > 0
    may_handle.set()
    await eventually(lambda: has(0))
