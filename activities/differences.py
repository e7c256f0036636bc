"""Where the log and another's account are at odds, on record."""

from __future__ import annotations

from typing import Final

from activities.command_handler import CommandHandler, Step
from activities.types import AtOdds
from domain.ids import order_workflow_id
from domain.saga.commands import Book, RecordDifference, SettleDifference
from domain.saga.decide import SAGA
from eventstore.pool import Pool

_ON_RECORD: Final = """
    SELECT order_id FROM readmodel.saga_difference
    WHERE book = ANY ($1)
    GROUP BY order_id
    ORDER BY random()
    LIMIT $2
"""


class Differences:
    def __init__(self, pool: Pool, handler: CommandHandler) -> None:
        self._pool = pool
        self._handler = handler

    async def orders(self, *books: Book, limit: int) -> list[str]:
        """With one on record; each has its turn, however many there are."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_ON_RECORD, list(books), limit)
        return [row[0] for row in rows]

    async def is_known(self, order_id: str, book: Book) -> bool:
        return book in (await self._handler.load(SAGA, order_id)).differences

    async def found(self, odds: AtOdds) -> None:
        record = RecordDifference(
            aggregate_id=odds.order_id, book=odds.book, ours=odds.ours, theirs=odds.theirs
        )
        await self._handler.handle(await self._step(odds.order_id, odds.book), record)

    async def settled(self, order_id: str, book: Book) -> None:
        """Changes nothing where there is none on record."""
        settle = SettleDifference(aggregate_id=order_id, book=book)
        await self._handler.handle(await self._step(order_id, book), settle)

    async def _step(self, order_id: str, book: Book) -> Step:
        so_far = len(await self._handler.events(SAGA, order_id))
        key = f"reconcile/{book.lower()}/{so_far + 1}"
        return Step(order_workflow_id(order_id), key, order_id)
