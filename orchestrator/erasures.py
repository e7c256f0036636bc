"""Keep the erasures of customers outside of the database, and repeat those that a restore undoes.

    python -m orchestrator.erasures record FILE
    python -m orchestrator.erasures repeat FILE

A backup holds the keys that were erased after it. `record` adds to FILE what the log has and FILE
has not. It never removes a line, so it may run at any time, also after a restore. `repeat` erases
again what FILE has and the log has not. Both may run repeatedly. FILE holds customer ids and no
personal data. Keep it apart from the database and its backups.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final
from uuid import UUID

from asyncpg import PostgresError
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.exc import SQLAlchemyError

from domain.customer.commands import ErasureReason
from domain.customer.decide import CUSTOMER
from domain.customer.events import CustomerErased
from eventstore.envelope import EventMetadata, NewEvent
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit.command import run_command
from kit.engine import create_engine
from kit.faults import one_line
from kit.pool import create_pool
from projections.inline import InlineReadModels
from queries.orders import OrderQueries
from settings import Settings, SettingsError, load_settings

ACTOR: Final = "system"
CAUSE: Final = "orchestrator.erasures/repeat"
EVENTS_AT_ONCE: Final = 1000


class NotErased(Exception):
    """Some erasures were not repeated, or the file cannot be read; the message says what to do."""


class Erasure(BaseModel):
    """One line of the file. The event's id says whether the log has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    event_id: UUID
    customer_id: str
    reason: ErasureReason
    erased_at: datetime


def read(file: Path) -> Mapping[UUID, Erasure]:
    """Return the erasures of the file. Raises NotErased, and FileNotFoundError."""
    found = {}
    for number, line in enumerate(file.read_text().splitlines(), start=1):
        try:
            erasure = Erasure.model_validate_json(line)
        except ValidationError:
            raise NotErased(
                f"line {number} of {file} is no erasure: remove it, and `record` writes it again"
            ) from None
        found[erasure.event_id] = erasure
    return found


async def record(store: PostgresEventStore, file: Path) -> str:
    """Add the log's erasures that the file lacks, and return a summary. Raises NotErased."""
    try:
        known = read(file)
    except FileNotFoundError:
        known = {}
    new = [erasure async for erasure in _of_log(store) if erasure.event_id not in known]
    _add(file, new)
    return f"{_counted(len(new))} added to {file}, which has {len(known) + len(new)}."


def _add(file: Path, erasures: Iterable[Erasure]) -> None:
    with file.open("a") as output:
        output.writelines(f"{erasure.model_dump_json()}\n" for erasure in erasures)
        output.flush()
        os.fsync(output.fileno())


async def repeat(store: PostgresEventStore, orders: OrderQueries, file: Path) -> AsyncIterator[str]:
    """Erase again what the log has lost; yield a line for each and a summary. Raises NotErased."""
    try:
        erasures = read(file).values()
    except FileNotFoundError:
        raise NotErased(f"{file} does not exist: name the file that `record` has written") from None
    repeated, waiting = 0, 0
    for erasure in erasures:
        stream = CUSTOMER.stream(erasure.customer_id)
        if erasure.event_id in {event.event_id for event in await store.load_events(stream)}:
            continue
        if await orders.has_open(erasure.customer_id):
            waiting += 1
            yield f"customer {erasure.customer_id}: not erased: an order is open"
            continue
        await store.save_events(stream, [_event(erasure)], ANY)
        repeated += 1
        yield f"customer {erasure.customer_id}: erased again"
    yield f"{_counted(repeated)} repeated."
    if waiting:
        raise NotErased(
            f"{_counted(waiting)} left, of customers with an open order: recover the sagas, and "
            "run this again when these orders are final"
        )


async def _of_log(store: PostgresEventStore) -> AsyncIterator[Erasure]:
    after, types = 0, {CustomerErased.__name__}
    while page := await store.load_all_events(after, EVENTS_AT_ONCE, types=types):
        for stored in page:
            event = stored.decode()
            assert isinstance(event, CustomerErased)  # noqa: S101 - it was asked for
            yield Erasure(
                event_id=stored.event_id,
                customer_id=event.customer_id,
                reason=event.reason,
                erased_at=stored.recorded_at,
            )
        after = page[-1].position


def _event(erasure: Erasure) -> NewEvent:
    event = CustomerErased(customer_id=erasure.customer_id, reason=erasure.reason)
    metadata = EventMetadata(correlation_id=erasure.customer_id, causation_id=CAUSE, actor=ACTOR)
    return NewEvent(erasure.event_id, event, metadata)


def _counted(count: int) -> str:
    return "1 erasure" if count == 1 else f"{count} erasures"


async def run(settings: Settings, command: str, file: Path) -> None:
    settings.require("database_url")
    url = settings.database_url.get_secret_value()
    engine = create_engine(url)
    async with await create_pool(url, size=2) as pool:
        store = PostgresEventStore(pool, [InlineReadModels()])
        if command == "record":
            _say(await record(store, file))
            return
        async for line in repeat(store, OrderQueries(engine), file):
            _say(line)
    await engine.dispose()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m orchestrator.erasures",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=["record", "repeat"])
    parser.add_argument("file", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    try:
        asyncio.run(run(load_settings(), arguments.command, arguments.file))
    except (SettingsError, NotErased) as error:
        sys.exit(f"erasures: {error}")
    except (OSError, PostgresError, SQLAlchemyError) as error:
        sys.exit(f"erasures: {one_line(error)}")


if __name__ == "__main__":
    run_command(main)
