"""Publish events again that the bus has lost, from a position up to the relay's checkpoint.

    python -m eventbus.republish --from POSITION

Run it at any time, beside the relay, and again: a consumer knows an event by its id.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, suppress
from typing import Final

from asyncpg import PostgresError

from eventbus.bus import Publisher
from eventbus.buses import opened_bus
from eventbus.errors import BusError
from eventbus.record import BusRecord, relayed_position
from eventstore.envelope import StoredEvent
from eventstore.positions import SEALED, BadPosition, PositionCodec
from eventstore.postgres import PostgresEventStore
from kit.command import run_command
from kit.faults import one_line
from kit.pool import CONNECTION_LOST, Pool, create_pool
from settings import Bus, Settings, SettingsError, load_settings

EVENTS_AT_ONCE: Final = 500
MAX_DIGITS: Final = 18
"""Every number of this many digits fits into PostgreSQL's bigint."""


class NotRepublished(Exception):
    """Nothing was published, or not all of it; the message says what to do."""


async def republish(
    pool: Pool, bus: Publisher, first: int, *, events_at_once: int = EVENTS_AT_ONCE
) -> AsyncGenerator[str, None]:
    """Publish the events from position `first` on; yield a line after each batch, and a summary.

    Raises NotRepublished, or BusError when the bus does not accept them.
    """
    store = PostgresEventStore(pool)
    if first > max(head := await store.safe_head(), 1):
        raise NotRepublished(f"position {first} is above the log's last event, {head}")
    async with pool.acquire() as connection:
        record = BusRecord(connection, bus)
        losses = (await record.compare()).losses
        last = await relayed_position(connection)
        count = 0
        async with aclosing(_batches(store, first, last, events_at_once)) as batches:
            async for batch in batches:
                await bus.publish(batch)
                count += len(batch)
                yield f"published {_events(count)}, up to position {batch[-1].position} of {last}"
        known = await record.settle(first, losses)
    if known.losses != losses:
        raise NotRepublished("the bus lost events while these were published: run it again")
    yield f"{_events(count)} published again; {_rest(known.missing_to)}"


async def _batches(
    store: PostgresEventStore, first: int, last: int, size: int
) -> AsyncGenerator[Sequence[StoredEvent], None]:
    after = first - 1
    while page := await store.load_all_events(after, size):
        after = page[-1].position
        if batch := [event for event in page if event.position <= last]:
            yield batch
        if after >= last:
            return


def _events(count: int) -> str:
    return "1 event" if count == 1 else f"{count} events"


def _rest(missing_to: int | None) -> str:
    if missing_to is None:
        return "the bus has every event that it should have"
    return f"the bus still lacks the events up to position {missing_to}"


async def run(settings: Settings, first: int) -> None:
    if settings.bus is Bus.MEMORY:
        raise NotRepublished(f"WAYBILL_BUS is {settings.bus}: its events end with its process")
    settings.require("database_url")
    url = settings.database_url.get_secret_value()
    async with (
        await create_pool(url, size=3) as pool,
        aclosing(await opened_bus(settings, pool)) as bus,
        aclosing(republish(pool, bus, first)) as lines,
    ):
        async for line in lines:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()


def position(text: str, settings: Settings) -> int:
    """Return the position that an operator gave, as a number or as the API shows it.

    Raises NotRepublished.
    """
    if text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS:
        return int(text)
    if SEALED.fullmatch(text):
        with suppress(BadPosition):
            return PositionCodec.of(settings).open(text)
    raise NotRepublished(f"{text[:40]!r} is no position: give FROM=<number>, 0 for everything")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m eventbus.republish", description=__doc__)
    parser.add_argument("--from", dest="first", default="", metavar="POSITION")
    arguments = parser.parse_args()
    try:
        settings = load_settings()
        asyncio.run(run(settings, position(arguments.first, settings)))
    except (SettingsError, NotRepublished, BusError) as error:
        sys.exit(f"republish: {error}")
    except KeyboardInterrupt:
        sys.exit("republish: interrupted; the gap stays open: run it again")
    except (*CONNECTION_LOST, PostgresError) as error:
        sys.exit(f"republish: PostgreSQL fails: {one_line(error)}")


if __name__ == "__main__":
    run_command(main)
