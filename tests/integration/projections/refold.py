"""Fold a log again in memory, and compare the rows with those that the statements made."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager

from eventstore.envelope import StoredEvent
from kit.pool import create_pool
from projections import copies
from projections.copies import Copy
from projections.fold import Fold
from projections.registry import INLINE
from projections.scratch import Scratch


class Refold:
    """The rows that folds in memory make of the streams of one category, in temporary tables."""

    def __init__(self, scratch: Scratch) -> None:
        self._scratch = scratch

    async def in_batches(self, batches: Iterable[Sequence[StoredEvent]]) -> Sequence[str]:
        """Make the rows batch by batch, each from the rows of those before.

        Return a line for each difference from the live tables.
        """
        await self._clear()
        for batch in batches:
            await self._scratch.apply(batch)
        return await self._differences()

    async def of_whole_streams(self, streams: Iterable[Sequence[StoredEvent]]) -> Sequence[str]:
        """Make the rows of each stream from its beginning, as a rebuild does."""
        await self._clear()
        for stream in streams:
            for table, rows in self._fold(stream).changed.items():
                kept = [row for row in rows.values() if row is not None]
                await copies.fill(self._scratch.connection, Copy.SCRATCH, table, kept)
        return await self._differences()

    def _fold(self, stream: Sequence[StoredEvent]) -> Fold:
        fold = Fold()
        for stored in stream:
            for projection in INLINE:
                if stored.type in projection.types:
                    fold.start(projection.apply(stored.decode(), stored))
        return fold

    async def _clear(self) -> None:
        deletions = (f"DELETE FROM pg_temp.{table.name};" for table in self._scratch.tables)  # noqa: S608 - our own names
        await self._scratch.connection.execute("".join(deletions))

    async def _differences(self) -> Sequence[str]:
        compared = [await self._scratch.compare(table, 5) for table in self._scratch.tables]
        return [line for c in compared for found in c.differences for line in found.lines()]


@asynccontextmanager
async def refolding(url: str, category: str) -> AsyncIterator[Refold]:
    async with await create_pool(url, size=1) as pool, pool.acquire() as connection:
        scratch = Scratch(connection, [p for p in INLINE if category in p.categories])
        await scratch.create()
        yield Refold(scratch)
