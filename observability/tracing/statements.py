"""Make a span for each statement of an engine, with its text: parameters are no part of it."""

from __future__ import annotations

import re
from functools import lru_cache
from time import time_ns
from typing import Any, Final

from sqlalchemy import event
from sqlalchemy.engine import Connection, ExceptionContext
from sqlalchemy.ext.asyncio import AsyncEngine

from observability import trace
from observability.tracing import spans
from observability.tracing.spans import Kind

MAX_TEXT: Final = 500
MAX_STATEMENTS: Final = 512
"""A search of orders makes another text for each set of conditions."""
_TABLE: Final = re.compile(r"\b(?:readmodel|eventstore|journal)\.\w+")

_BEGAN: Final = "waybill.began"


def trace_statements(engine: AsyncEngine) -> None:
    """Record the statements of this engine, if this process records spans."""
    if spans.is_on():
        event.listen(engine.sync_engine, "before_cursor_execute", _begin)
        event.listen(engine.sync_engine, "after_cursor_execute", _end)
        event.listen(engine.sync_engine, "handle_error", _fail)


def _begin(connection: Connection, *_: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
    connection.info[_BEGAN] = time_ns()


def _end(connection: Connection, _: object, statement: str, *__: Any) -> None:  # noqa: ANN401 - SQLAlchemy's
    _record(connection, statement)


def _fail(context: ExceptionContext) -> None:
    if context.connection is not None and context.statement is not None:
        _record(context.connection, context.statement, context.original_exception)


def _record(connection: Connection, statement: str, error: BaseException | None = None) -> None:
    began = connection.info.pop(_BEGAN, None)
    if began is None:
        return
    name, text = described(statement)
    attributes = {"db.system.name": "postgresql", "db.query.text": text}
    spans.ended(name, Kind.CLIENT, trace.current(), began, attributes, error=error)


@lru_cache(MAX_STATEMENTS)
def described(statement: str) -> tuple[str, str]:
    """Return the verb and the first table, and the text without the columns of a query."""
    words = " ".join(statement.split())
    verb = words.partition(" ")[0]
    if (table := _TABLE.search(words)) is None:
        return verb, words[:MAX_TEXT]
    _, source, conditions = words.partition(f" FROM {table[0]}")
    text = f"SELECT ...{source}{conditions}" if verb == "SELECT" and source else words
    return f"{verb} {table[0]}", text[:MAX_TEXT]
