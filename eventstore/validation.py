"""Check an append before the database is asked."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from typing import Final, NoReturn

from pydantic_core import PydanticSerializationError

from domain.privacy import fields_in_clear
from domain.registry import EVENT_TYPES
from eventstore.envelope import NewEvent, StreamAppend
from eventstore.errors import InvalidAppend
from eventstore.privacy.vault import with_blank_seals
from eventstore.versions import ExpectedVersion, StreamExpectation

STREAM_ID: Final = re.compile(r"[a-z]{1,40}-[A-Za-z0-9][A-Za-z0-9._:-]{0,199}")
"""The category, a dash, the aggregate's id. Its length is part of a message's size on the bus."""

MAX_EVENT_BYTES: Final = 1_000_000
"""The size of an event's JSON as it is stored: data, sealed, and metadata together, in UTF-8.

As a message on the bus the event is larger by at most `cloudevents.MAX_ENVELOPE_BYTES` and the
headers. Together that is less than 1 MiB, the largest message that NATS takes by default.
"""

MAX_STREAMS: Final = 256
"""The streams of one append. Each takes a lock until the commit, in a table that all transactions
of the server share: 6,400 locks by PostgreSQL's defaults. An order of 100 lines takes 102."""

MAX_EVENTS: Final = 10_000
"""The events of one append: PostgreSQL accepts this many well within the transaction's time."""

MAX_VERSION: Final = 2**63 - 1
"""PostgreSQL's bigint."""

_NUL: Final = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
"""The JSON escape of NUL, and not an escaped backslash before `u0000`."""


def check_appends(appends: Sequence[StreamAppend]) -> None:
    """Raise InvalidAppend for the first invalid part."""
    if not appends:
        raise InvalidAppend("there is nothing to append to: name at least one stream")
    _check_counts(len(appends), sum(len(append.events) for append in appends))
    names = [append.stream_id for append in appends]
    if len(set(names)) != len(names):
        raise InvalidAppend("a stream may be named only once in one append")
    for append in appends:
        _check(append)
    ids = [event.event_id for append in appends for event in append.events]
    if len(set(ids)) != len(ids):
        raise InvalidAppend("two events of one append have the same id")


def _check_counts(streams: int, events: int) -> None:
    if streams > MAX_STREAMS:
        raise InvalidAppend(f"an append to {streams} streams: {MAX_STREAMS} are allowed")
    if events > MAX_EVENTS:
        raise InvalidAppend(f"an append of {events} events: {MAX_EVENTS} are allowed")


def _check(append: StreamAppend) -> None:
    if not STREAM_ID.fullmatch(append.stream_id):
        raise InvalidAppend(
            f"{append.stream_id[:50]!r} is no stream name: it takes a category of at most 40 "
            "lower-case letters, a dash and an id of at most 200 letters, digits, dots, "
            "underscores, colons and dashes"
        )
    if not append.events:
        raise InvalidAppend(f"stream {append.stream_id}: an append takes at least one event")
    if not _is_expectation(append.expected_version):
        raise InvalidAppend(
            f"stream {append.stream_id}: {append.expected_version!r:.50} is no version; versions "
            "count from 1"
        )
    metadata_bytes = _metadata_bytes(append.events)
    for new in append.events:
        _check_type(new)
        _check_json(new, metadata_bytes[id(new.metadata)])


def _is_expectation(expected: ExpectedVersion) -> bool:
    if isinstance(expected, StreamExpectation):
        return True
    # Compare the type itself, since True is an int as well.
    return type(expected) is int and 0 <= expected <= MAX_VERSION


def _check_type(new: NewEvent) -> None:
    known = EVENT_TYPES.get(new.type)
    if known is type(new.event):
        return
    if known is not None and new.event.schema_version > known.schema_version:
        raise InvalidAppend(
            f"{new.type} of schema version {new.event.schema_version} is newer than the "
            f"{known.schema_version} of domain/registry.py, and could not be read again"
        )
    raise InvalidAppend(f"{new.type} is not an event of domain/registry.py")


def _metadata_bytes(events: Sequence[NewEvent]) -> dict[int, int]:
    """Return the size of each metadata object's JSON, checked once for all events that share it."""
    sizes: dict[int, int] = {}
    for new in events:
        if id(new.metadata) not in sizes:
            sizes[id(new.metadata)] = _checked_size(new, lambda new: new.metadata.json_text)
    return sizes


def _check_json(new: NewEvent, metadata_bytes: int) -> None:
    size = metadata_bytes + _checked_size(new, lambda new: new.data_json)
    if fields_in_clear(new.event):
        sealed = with_blank_seals(new.event).model_dump_json()
        size = metadata_bytes + len(sealed.encode())
    if size > MAX_EVENT_BYTES:
        raise _invalid(new, f"is stored as {size} bytes of JSON; {MAX_EVENT_BYTES} are allowed")


def _checked_size(new: NewEvent, json_of: Callable[[NewEvent], str]) -> int:
    """Return the number of bytes that PostgreSQL makes of it, at most: it puts a space after each
    colon and comma. The check is cheap for valid text: a few scans. Only suspicious text is
    examined further."""
    try:
        text = json_of(new)
        size = len(text) if text.isascii() else len(text.encode())
        size += text.count(":") + text.count(",")
    except (PydanticSerializationError, UnicodeEncodeError):
        # Raise without the cause, which may show the values.
        raise _invalid(new, "has a value that JSON cannot hold") from None
    if "\\u0000" in text and _NUL.search(text):
        raise _invalid(new, "has a NUL character, which PostgreSQL's JSON cannot hold")
    if "NaN" in text or "Infinity" in text:
        _check_numbers(new, text)
    return size


def _check_numbers(new: NewEvent, text: str) -> None:
    def refuse(constant: str) -> NoReturn:
        raise _invalid(new, f"has the number {constant}, which JSON cannot hold")

    json.loads(text, parse_constant=refuse)


def _invalid(new: NewEvent, what: str) -> InvalidAppend:
    return InvalidAppend(f"event {new.event_id}: this {new.type} {what}")
