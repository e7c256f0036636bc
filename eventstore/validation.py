"""What an append must satisfy before the database is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from domain.registry import EVENT_TYPES
from eventstore.envelope import StreamAppend
from eventstore.errors import InvalidAppend
from eventstore.versions import StreamExpectation

STREAM_ID: Final = re.compile(r"[a-z]+-[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
"""The category, a dash, the aggregate's id."""


def check_appends(appends: Sequence[StreamAppend]) -> None:
    """Raise InvalidAppend for the first thing that is wrong."""
    if not appends:
        raise InvalidAppend("there is nothing to append to: name at least one stream")
    names = [append.stream_id for append in appends]
    if len(set(names)) != len(names):
        raise InvalidAppend("a stream may be named only once in one append")
    for append in appends:
        _check(append)
    ids = [event.event_id for append in appends for event in append.events]
    if len(set(ids)) != len(ids):
        raise InvalidAppend("two events of one append have the same id")


def _check(append: StreamAppend) -> None:
    if not STREAM_ID.fullmatch(append.stream_id):
        raise InvalidAppend(
            f"{append.stream_id[:50]!r} is no stream name: it takes a category in lower case, a "
            "dash and an id of at most 200 letters, digits, dots, underscores, colons and dashes"
        )
    if not append.events:
        raise InvalidAppend(f"stream {append.stream_id}: an append takes at least one event")
    expected = append.expected_version
    if not isinstance(expected, StreamExpectation) and expected < 0:
        raise InvalidAppend(
            f"stream {append.stream_id}: {expected} is no version; versions count from 1"
        )
    for new in append.events:
        if EVENT_TYPES.get(new.type) is not type(new.event):
            raise InvalidAppend(f"{new.type} is not an event of domain/registry.py")
