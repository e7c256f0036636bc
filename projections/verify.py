"""Replay the log into temporary tables, and compare the live read models with them, row by row.

    python -m projections.verify [--name PROJECTION]

The command changes nothing and may run at any time, beside the service. Exit code 0 means that the
tables agree with the log, 1 that rows differ, and 2 that they could not be compared.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

from asyncpg import (
    DataError,
    IntegrityConstraintViolationError,
    PostgresError,
    UndefinedTableError,
)
from pydantic import ValidationError

from eventstore import statements as sql
from eventstore.envelope import StoredEvent
from eventstore.errors import EventStoreError, UnknownEventType
from eventstore.postgres import PostgresEventStore
from kit.command import run_command
from kit.faults import one_line
from kit.pool import CONNECTION_LOST, Pool, create_pool
from projections.change import RowExists
from projections.differences import Difference
from projections.progress import Progress, shown_progress
from projections.projection import Following, Projection
from projections.registry import FOLLOWING, INLINE, UnknownProjection
from projections.scratch import Scratch
from settings import DatabaseRole, Settings, SettingsError, load_settings

EVENTS_AT_ONCE: Final = 500
ROUNDS: Final = 3
"""The times that the replay reads to the safe head. Each time fewer events are new."""
MAX_POSITION: Final = 2**63 - 1
MAX_SHOWN: Final = 20
"""The rows of a table that are printed. The first ones usually explain the others."""

UNREADABLE: Final = (
    UnknownEventType,
    ValidationError,
    RowExists,
    DataError,
    IntegrityConstraintViolationError,
)
"""The errors of an event that cannot be replayed."""

_FOLLOWED: Final = "SELECT position FROM eventstore.checkpoint WHERE name = $1"

DIFFERENT, NOT_VERIFIED, INTERRUPTED = 1, 2, 130


class NotVerified(Exception):
    """The read models could not be compared; the message says what to do."""


@dataclass(slots=True)
class Report:
    """The result of a comparison."""

    events: int
    position: int
    tables: int
    rows: int = 0
    differing: int = 0
    differences: list[Difference] = field(default_factory=list)

    @classmethod
    def of_all(cls, reports: Sequence[Self]) -> Self:
        """Return one report of comparisons that were made one after another."""
        return cls(
            events=max(report.events for report in reports),
            position=max(report.position for report in reports),
            tables=sum(report.tables for report in reports),
            rows=sum(report.rows for report in reports),
            differing=sum(report.differing for report in reports),
            differences=[found for report in reports for found in report.differences],
        )

    def lines(self) -> Iterator[str]:
        for difference in self.differences:
            yield from difference.lines()
        if hidden := self.differing - len(self.differences):
            yield f"... and {_counted(hidden, 'more row')}"
        read = f"{_counted(self.events, 'event')}, up to position {self.position}"
        sides = f"The log and {_counted(self.tables, 'table')}"
        if self.differing:
            yield f"{sides} differ in {_counted(self.differing, 'row')}: {read}"
        else:
            yield f"{sides} agree in {_counted(self.rows, 'row')}: {read}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


class Verification:
    """A replay of the log on one connection, and its comparison with the live tables.

    The live tables change meanwhile. So the last part is one transaction that reads one snapshot.
    An event and its inline read models are committed together, as are the rows of a following
    projection and its checkpoint: the snapshot shows both or neither. The replay adds the events
    that the snapshot shows beyond those it has read, and then every row must agree. The long part
    before it reads in short transactions, so that the snapshot is not held while the log is
    replayed.
    """

    def __init__(self, store: PostgresEventStore, scratch: Scratch, progress: Progress) -> None:
        self._store = store
        self._scratch = scratch
        self._progress = progress
        self._types = _types(scratch.projections)
        self._position = self._events = 0

    async def replay(self, events_at_once: int = EVENTS_AT_ONCE) -> None:
        """Replay the log, as far as the rows may be expected to show it. Raises NotVerified."""
        for _ in range(ROUNDS):
            head = min(await self._store.safe_head(), await self._followed())
            while self._position < head:
                page = await self._store.load_all_events(
                    self._position, events_at_once, types=self._types
                )
                if not (page := [stored for stored in page if stored.position <= head]):
                    break
                async with self._scratch.connection.transaction(readonly=True):
                    await self._apply(page)
                self._progress(self._position, max(head, self._position))

    async def compare(self) -> Report:
        """Compare the tables in one snapshot. Raises NotVerified."""
        snapshot = self._scratch.connection.transaction(isolation="repeatable_read", readonly=True)
        async with snapshot:
            last = await self._followed()
            while page := await self._visible(last):
                await self._apply(page)
            report = Report(self._events, self._position, len(self._scratch.tables))
            for table in self._scratch.tables:
                found = await self._scratch.compare(table, MAX_SHOWN)
                report.rows += found.replayed
                report.differing += found.differing
                report.differences += found.differences
        return report

    async def _followed(self) -> int:
        """Return the position up to which the live rows show the log."""
        positions = [
            await self._scratch.connection.fetchval(_FOLLOWED, projection.checkpoint) or 0
            for projection in self._scratch.projections
            if isinstance(projection, Following)
        ]
        return min(positions, default=MAX_POSITION)

    async def _visible(self, last: int) -> Sequence[StoredEvent]:
        """Return the next events that the snapshot shows, whether or not they are safe."""
        bounds = (self._position, last, EVENTS_AT_ONCE, self._types, None)
        rows = await self._scratch.connection.fetch(sql.LOAD_SOME, *bounds)
        return [StoredEvent(*row) for row in rows]

    async def _apply(self, page: Sequence[StoredEvent]) -> None:
        try:
            async with self._scratch.connection.transaction():
                await self._scratch.apply(page)
        except UNREADABLE:
            for stored in page:
                await self._apply_one(stored)
        self._position = page[-1].position
        self._events += len(page)

    async def _apply_one(self, stored: StoredEvent) -> None:
        """Apply the event, and name it where it fails."""
        try:
            await self._scratch.apply([stored])
        except UnknownEventType as error:
            raise _unreadable(stored, one_line(error)) from error
        except UNREADABLE as error:
            # Its message may show a value.
            raise _unreadable(stored, type(error).__name__) from error


def _types(projections: Sequence[Projection]) -> Sequence[str] | None:
    """Return the types to read: all, with all inline projections, so that none is unknown."""
    if all(inline in projections for inline in INLINE):
        return None
    return sorted({name for projection in projections for name in projection.types})


def _unreadable(stored: StoredEvent, why: str) -> NotVerified:
    return NotVerified(f"{stored.type} at position {stored.position} cannot be replayed: {why}")


async def verify(pool: Pool, name: str | None, progress: Progress) -> Report:
    """Compare all read models, or those of one projection.

    Raises NotVerified or UnknownProjection. The pool needs two connections, and no time limit of
    transactions. Close it afterwards, because one of its connections keeps the temporary tables.
    """
    groups: list[Sequence[Projection]] = [[p] for p in FOLLOWING if name in {None, p.name}]
    if inline := [p for p in INLINE if name in {None, p.name}]:
        groups.append(inline)
    if not groups:
        raise UnknownProjection(name or "")
    reports = [await _verify(pool, projections, progress) for projections in groups]
    return Report.of_all(reports)


async def _verify(pool: Pool, projections: Sequence[Projection], progress: Progress) -> Report:
    async with pool.acquire() as connection:
        scratch = Scratch(connection, projections)
        try:
            await scratch.create()
        except UndefinedTableError:
            raise NotVerified("the database has no read models: run the migrations") from None
        verification = Verification(PostgresEventStore(pool), scratch, progress)
        await verification.replay()
        return await verification.compare()


async def run(settings: Settings, name: str | None) -> Report:
    # The API's role cannot write the read models or the keys.
    url = settings.url_of(DatabaseRole.API)
    async with await create_pool(url, size=2, transaction_seconds=0) as pool:
        with shown_progress() as progress:
            return await verify(pool, name, progress)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m projections.verify",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", metavar="PROJECTION", help="only this one (default: all)")
    arguments = parser.parse_args()
    try:
        report = asyncio.run(run(load_settings(), arguments.name))
    except (SettingsError, NotVerified, UnknownProjection, EventStoreError) as error:
        return _failed(str(error), NOT_VERIFIED)
    except KeyboardInterrupt:
        return _failed("interrupted; nothing was changed", INTERRUPTED)
    except (*CONNECTION_LOST, PostgresError) as error:
        return _failed(f"PostgreSQL fails: {one_line(error)}", NOT_VERIFIED)
    sys.stdout.writelines(f"{line}\n" for line in report.lines())
    return DIFFERENT if report.differing else 0


def _failed(why: str, code: int) -> int:
    sys.stderr.write(f"verify: {why}\n")
    return code


if __name__ == "__main__":
    run_command(main)
