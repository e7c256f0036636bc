"""Name the cause of a failed attempt, without any data of the event."""

from __future__ import annotations

from typing import Final

import asyncpg

from eventbus.errors import BusError
from eventstore.cloudevents import MalformedCloudEvent
from eventstore.errors import UnknownEventType
from eventstore.privacy.errors import PrivacyError
from kit.faults import one_line

_WITHOUT_DATA: Final = (BusError, MalformedCloudEvent, PrivacyError, UnknownEventType)


def cause_of(error: BaseException) -> str:
    """Return the error's type, with its message only where that never holds data."""
    if isinstance(error, _WITHOUT_DATA):
        return one_line(error)
    if isinstance(error, asyncpg.PostgresError):
        return f"{type(error).__name__} ({error.sqlstate})"
    if isinstance(error, TimeoutError):
        return "TimeoutError: the handler took too long"
    return type(error).__name__
