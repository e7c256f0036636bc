"""An event as a message of Kafka: its key, its partition, its headers and its size."""

from __future__ import annotations

from typing import Final

from confluent_kafka import Message as KafkaMessage

from eventbus import headers
from eventbus.source import Message
from eventstore.cloudevents import CONTENT_TYPE, MAX_ENVELOPE_BYTES
from eventstore.envelope import StoredEvent
from eventstore.validation import MAX_EVENT_BYTES

PREFIX: Final = "ce_"
"""It comes before the names of the CloudEvent's attributes, as CloudEvents' Kafka binding has
it."""
MAX_HEADER_BYTES: Final = 1_536
"""The key, the headers, and what Kafka's record format adds to a message that is alone in its
batch."""
RECORD_BYTES: Final = 128
"""The most that a batch (61 bytes) and a record without headers (37) add."""
BYTES_OF_A_HEADER: Final = 10
"""The most that a header adds to its name and value: their lengths, as varints."""
MAX_BYTES_PER_LETTER: Final = 4
"""The longest code of UTF-8."""
MAX_MESSAGE_BYTES: Final = MAX_EVENT_BYTES + MAX_ENVELOPE_BYTES + MAX_HEADER_BYTES
"""The largest message of an event that the log accepts. Kafka takes 1,048,588 by default."""


def headers_of(event: StoredEvent) -> dict[str, str]:
    attributes = {f"{PREFIX}{name}": value for name, value in headers.headers_of(event).items()}
    return {"content-type": CONTENT_TYPE, **attributes}


def message_bytes(event: StoredEvent, body: bytes) -> int:
    """Return a limit of the size of the event's message as Kafka counts it."""
    return header_bytes(event) + len(body)


def header_bytes(event: StoredEvent) -> int:
    """Return a limit of what the message is larger than its body."""
    headers_bytes = sum(
        len(name) + len(value) + BYTES_OF_A_HEADER for name, value in headers_of(event).items()
    )
    return RECORD_BYTES + len(event.stream_id) + headers_bytes


def at_most_bytes(event: StoredEvent) -> int:
    """Return a limit of the message's size, without encoding it."""
    letters = len(event.data_json) + len(event.metadata_json)
    return letters * MAX_BYTES_PER_LETTER + MAX_ENVELOPE_BYTES + MAX_HEADER_BYTES


def received(message: KafkaMessage) -> Message:
    """Return what a consumer gets. A foreign message without a key has its origin as key."""
    origin = f"{message.topic()}/{message.partition()}/{message.offset()}"
    return Message(
        key=_text(message.key()) or origin,
        partition=message.partition() or 0,
        headers=_attributes(message),
        body=message.value() or b"",
        origin=origin,
    )


def _attributes(message: KafkaMessage) -> dict[str, str]:
    found = message.headers() or []
    pairs = found.items() if isinstance(found, dict) else found
    return {name.lower().removeprefix(PREFIX): _text(value) for name, value in pairs}


def _text(value: str | bytes | None) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value or ""
