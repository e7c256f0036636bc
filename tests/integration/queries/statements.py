"""Record the statements that a query really sends to the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

Statement = tuple[str, tuple[object, ...]]


@contextmanager
def counted(engine: AsyncEngine) -> Iterator[list[Statement]]:
    statements: list[Statement] = []

    def note(
        _c: object, _cur: object, text: str, parameters: tuple[object, ...], *_: object
    ) -> None:
        statements.append((text, parameters))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    yield statements
    event.remove(engine.sync_engine, "before_cursor_execute", note)


async def explained(engine: AsyncEngine, statement: Statement) -> str:
    """Return the plan of the statement where an index is used wherever one fits."""
    text, parameters = statement
    async with engine.connect() as connection:
        await connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        await connection.exec_driver_sql("SET LOCAL enable_bitmapscan = off")
        plan = await connection.exec_driver_sql(f"EXPLAIN {text}", parameters)
        return "\n".join(row[0] for row in plan)
