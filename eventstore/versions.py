"""The version that a writer expects of the stream it appends to."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final


class StreamExpectation(Enum):
    NO_STREAM = auto()
    """The stream has no events."""
    STREAM_EXISTS = auto()
    """The stream has events."""
    ANY = auto()
    """Any state of the stream."""


NO_STREAM: Final = StreamExpectation.NO_STREAM
STREAM_EXISTS: Final = StreamExpectation.STREAM_EXISTS
ANY: Final = StreamExpectation.ANY

ExpectedVersion = int | StreamExpectation
"""An exact version (of the stream's last event, from 1; 0 is NO_STREAM) or an expectation."""

_SQL = {NO_STREAM: 0, ANY: -1, STREAM_EXISTS: -2}


def to_sql(expected: ExpectedVersion) -> int:
    """Return the number that eventstore.append() takes for it."""
    return _SQL[expected] if isinstance(expected, StreamExpectation) else expected


def holds(expected: ExpectedVersion, actual: int) -> bool:
    match expected:
        case StreamExpectation.ANY:
            return True
        case StreamExpectation.STREAM_EXISTS:
            return actual > 0
        case _:
            return actual == to_sql(expected)


def describe(expected: ExpectedVersion) -> str:
    return expected.name if isinstance(expected, StreamExpectation) else f"version {expected}"
