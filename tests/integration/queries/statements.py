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
