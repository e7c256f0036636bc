"""Tell an event that a projection cannot take from a server that cannot do its work now."""

from __future__ import annotations

import asyncpg

from eventstore.errors import EventStoreError, UnknownEventType
from kit.faults import one_line
from kit.restart import is_database_away


def is_poison(error: Exception) -> bool:
    """Return whether the event itself is the cause, so that a repetition fails again."""
    if isinstance(error, asyncpg.PostgresError):
        return isinstance(error, asyncpg.DataError | asyncpg.IntegrityConstraintViolationError)
    if isinstance(error, EventStoreError):
        return isinstance(error, UnknownEventType)
    return not is_database_away(error)


def cause_of(error: Exception) -> str:
    """Name the cause in a line. The message of most errors may show a value, so it is left out."""
    return one_line(error) if isinstance(error, UnknownEventType) else type(error).__name__
