"""Every event that the log takes fits into a message of NATS, which takes 1 MiB by default."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest
from nats.aio.client import DEFAULT_MAX_PAYLOAD_SIZE

from domain.event import Event
from domain.registry import EVENT_TYPES
from eventbus.headers import MAX_VALUE
from eventbus.nats.messages import (
    MAX_HEADER_BYTES,
    MAX_MESSAGE_BYTES,
    header_bytes,
    headers_of,
    message_bytes,
)
from eventstore.cloudevents import MAX_ENVELOPE_BYTES, attributes_of, encode, metadata_as_stored
from eventstore.envelope import EventMetadata, NewEvent, StoredEvent, StreamAppend
from eventstore.errors import InvalidAppend
from eventstore.validation import MAX_EVENT_BYTES, check_appends
from eventstore.versions import ANY
from tests.samples.files import FOLDER, SCHEMAS

Shape = Callable[[str, int], object]
NAME: Final = max(EVENT_TYPES, key=len) + "X"
MAX_STREAM_ID: Final = "x" * 40 + "-" + "a" * 200
LETTERS: Final = ["x", "é", "語", "🧭", '"', "\\", "\n", "\x01", "\x7f", "\u2028", "/", "<"]


class Measured(Event):
    """An event type of these tests alone, with a name longer than any other."""

    value: Any


Measured.__name__ = NAME


@pytest.fixture(autouse=True, scope="module")
def _registered() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EVENT_TYPES, NAME, Measured)
        yield


def _metadata(letter: str, count: int) -> EventMetadata:
    return EventMetadata(
        correlation_id=letter * count,
        causation_id=letter * count,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        actor=letter,
        workflow_id=letter,
        step=letter,
    )


def _longest_metadata() -> EventMetadata:
    longest = "x" * MAX_VALUE
    return EventMetadata(correlation_id=longest, actor=longest, traceparent=longest)


def _is_taken(new: NewEvent) -> bool:
    try:
        check_appends([StreamAppend(MAX_STREAM_ID, [new], ANY)])
    except InvalidAppend:
        return False
    return True


def _largest(letter: str, shape: Shape, letters_of_metadata: int) -> NewEvent:
    """Return the largest event of this letter that the log takes, found by bisection."""
    fits, too_many = 0, MAX_EVENT_BYTES // _smallest(shape)
    metadata = _metadata(letter, letters_of_metadata)
    while too_many - fits > 1:
        count = (fits + too_many) // 2
        new = NewEvent(UUID(int=1), Measured(value=shape(letter, count)), metadata)
        fits, too_many = (count, too_many) if _is_taken(new) else (fits, count)
    return NewEvent(UUID(int=1), Measured(value=shape(letter, fits)), metadata)


def _smallest(shape: Shape) -> int:
    """Return the bytes that each further letter or object takes at least."""
    return len(json.dumps(shape("x", 1), separators=(",", ":"))) - len("[]")


def _stored(new: NewEvent) -> StoredEvent:
    """Return the event as the log returns it: jsonb puts a space after each colon and comma."""
    return StoredEvent(
        position=2**63 - 1,
        stream_id=MAX_STREAM_ID,
        version=2**63 - 1,
        event_id=new.event_id,
        type=new.type,
        schema_version=2**15 - 1,
        data_json=json.dumps(json.loads(new.data_json), ensure_ascii=False),
        metadata_json=metadata_as_stored(new.metadata),
        recorded_at=datetime(2026, 11, 23, 9, 8, 7, 123_456, UTC),
    )


def _text(letter: str, count: int) -> str:
    return letter * count


def _many_small(letter: str, count: int) -> list[dict[str, object]]:
    return [{letter: letter, "n": 1}] * count


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize(
    ("shape", "letters_of_metadata"), [(_text, 1), (_text, 80_000), (_many_small, 1)]
)
def test_the_largest_event_fits_into_a_message(
    letter: str, shape: Shape, letters_of_metadata: int
) -> None:
    new = _largest(letter, shape, letters_of_metadata)
    stored = _stored(new)
    size = len(stored.data_json.encode()) + len(stored.metadata_json.encode())

    assert size > MAX_EVENT_BYTES - 100
    assert size <= MAX_EVENT_BYTES
    assert len(encode(stored)) <= size + MAX_ENVELOPE_BYTES
    assert message_bytes(stored) <= MAX_MESSAGE_BYTES


def test_the_largest_message_is_smaller_than_what_nats_takes_by_default() -> None:
    assert MAX_MESSAGE_BYTES == 1_002_048
    assert MAX_MESSAGE_BYTES < DEFAULT_MAX_PAYLOAD_SIZE == 2**20


def test_the_headers_are_as_large_as_nats_counts_them() -> None:
    stored = _stored(NewEvent(UUID(int=1), Measured(value=""), _metadata("x", 1)))
    assert headers_of(attributes_of(stored), "an-id") == {
        "Nats-Msg-Id": "an-id",
        "Nats-Expected-Stream": "WAYBILL",
        "Content-Type": "application/cloudevents+json",
        "ce-type": f"waybill.{NAME}.v32767",
        "ce-id": "00000000-0000-0000-0000-000000000001",
        "ce-subject": MAX_STREAM_ID,
        "ce-correlationid": "x",
        "ce-actor": "x",
        "ce-traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    }
    sent = (
        "NATS/1.0\r\nNats-Msg-Id: 00000000-0000-0000-0000-000000000001"
        "/9223372036854775807\r\n"
        f"Content-Type: application/cloudevents+json\r\nce-type: waybill.{NAME}.v32767\r\n"
        f"ce-id: 00000000-0000-0000-0000-000000000001\r\nce-subject: {MAX_STREAM_ID}\r\n"
        "ce-correlationid: x\r\nce-actor: x\r\n"
        "ce-traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"
        "Nats-Expected-Stream: WAYBILL\r\n\r\n"
    )
    assert header_bytes(stored) == len(sent)


def test_the_longest_headers_are_within_their_limit() -> None:
    longest = _stored(NewEvent(UUID(int=1), Measured(value=""), _longest_metadata()))
    assert header_bytes(longest) <= MAX_HEADER_BYTES
    assert {"ce-correlationid", "ce-actor", "ce-traceparent"} <= headers_of(
        attributes_of(longest), ""
    ).keys()


@pytest.mark.parametrize("value", ["x" * (MAX_VALUE + 1), "a b", "a\r\nNats-Rollup: all", "é"])
def test_a_value_that_is_no_header_is_left_out(value: str) -> None:
    metadata = EventMetadata(correlation_id=value, actor=value, traceparent=value)
    stored = _stored(NewEvent(UUID(int=1), Measured(value=""), metadata))
    assert headers_of(attributes_of(stored), "").keys() == {
        *("Nats-Msg-Id", "Nats-Expected-Stream", "Content-Type", "ce-type", "ce-id", "ce-subject")
    }


def test_no_event_holds_a_number_that_jsonb_writes_longer_than_it_came() -> None:
    """1e300 has 5 bytes here and 301 in jsonb; integers and text keep their length."""
    assert '"number"' not in (FOLDER / SCHEMAS).read_text()
