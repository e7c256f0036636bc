"""Effects of consumers in a table, and a process that makes them and may be killed.

    python -m tests.support.consuming GROUP

It connects to the bus that its settings name. With KEEPS_ACKNOWLEDGEMENTS=1 it makes effects and
acknowledges none of the messages. With FAILS_ON_POISON=1 it fails on the events in the table
effects.poison, and retries them within seconds.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final
from unittest.mock import patch

from eventbus import letters
from eventbus.broker_bus import BrokerBus
from eventbus.buses import opened_bus
from eventbus.source import Deliveries, Message, Source
from eventstore.envelope import StoredEvent
from kit.command import run_command
from kit.pool import Connection, Pool, create_pool
from settings import load_settings

CREATE: Final = """
    CREATE SCHEMA effects;
    CREATE TABLE effects.effect (
        id bigint GENERATED ALWAYS AS IDENTITY, group_name text, event_id uuid, stream_id text,
        version bigint, process int
    );
    CREATE TABLE effects.poison (stream_id text, version bigint);
    GRANT USAGE ON SCHEMA effects TO PUBLIC;
    GRANT SELECT, INSERT ON effects.effect TO PUBLIC;
    GRANT SELECT, INSERT, DELETE ON effects.poison TO PUBLIC;
"""
INSERT: Final = """
    INSERT INTO effects.effect (group_name, event_id, stream_id, version, process)
    VALUES ($1, $2, $3, $4, $5)
"""
_IS_POISON: Final = "SELECT true FROM effects.poison WHERE stream_id = $1 AND version = $2"


class Effects:
    """A handler that writes a row for each event."""

    def __init__(self, group: str) -> None:
        self._group = group

    async def __call__(self, connection: Connection, event: StoredEvent) -> None:
        row = (self._group, event.event_id, event.stream_id, event.version, os.getpid())
        await connection.execute(INSERT, *row)


class FailsOnPoison(Effects):
    """A handler that fails after its effect, as long as the event is in the table of poison."""

    async def __call__(self, connection: Connection, event: StoredEvent) -> None:
        await super().__call__(connection, event)
        if await connection.fetchval(_IS_POISON, event.stream_id, event.version):
            raise ValueError("poison")


class _Unacknowledged:
    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    def __aiter__(self) -> AsyncIterator[Sequence[Message]]:
        return aiter(self._deliveries)

    async def done(self, messages: Sequence[Message]) -> None:
        del messages
        await asyncio.Event().wait()


class Unacknowledged:
    """A source whose consumers make effects, and never tell the broker."""

    def __init__(self, source: Source) -> None:
        self._source = source

    @asynccontextmanager
    async def deliveries(self, group: str) -> AsyncIterator[Deliveries]:
        async with self._source.deliveries(group) as deliveries:
            yield _Unacknowledged(deliveries)


async def versions(pool: Pool, group: str) -> dict[str, list[int]]:
    """Return the versions of each stream in the order of their effects."""
    rows = await pool.fetch(
        "SELECT stream_id, array_agg(version ORDER BY id) FROM effects.effect"
        " WHERE group_name = $1 GROUP BY stream_id",
        group,
    )
    return dict(map(tuple, rows))


async def consume(group: str) -> None:
    settings = load_settings()
    async with AsyncExitStack() as stack:
        pool = await create_pool(settings.database_url.get_secret_value())
        await stack.enter_async_context(pool)
        bus = await opened_bus(settings, pool)
        if os.environ.get("KEEPS_ACKNOWLEDGEMENTS"):
            assert isinstance(bus, BrokerBus)
            bus._source = Unacknowledged(bus._source)
        if os.environ.get("FAILS_ON_POISON"):
            stack.enter_context(patch.object(letters, "FIRST_PAUSE", letters.FIRST_PAUSE / 50))
            await bus.subscribe("*.*", FailsOnPoison(group), group=group)
        else:
            await bus.subscribe("*.*", Effects(group), group=group)
        await asyncio.Event().wait()


if __name__ == "__main__":
    run_command(lambda: asyncio.run(consume(sys.argv[1])))
