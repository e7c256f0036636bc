"""An event as a message of NATS: its subject, its headers and its size.

The subject is `waybill.events.<partition>.<category>.<Type>`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from nats.aio.msg import Msg

from eventbus import headers
from eventbus.nats.names import STREAM, SUBJECTS
from eventbus.routing import partition_of
from eventbus.source import Message
from eventstore.cloudevents import (
    CONTENT_TYPE,
    MAX_ENVELOPE_BYTES,
    attributes_of,
    body_of,
    encode,
)
from eventstore.envelope import StoredEvent
from eventstore.validation import MAX_EVENT_BYTES, MAX_VERSION

PREFIX: Final = "ce-"
"""It comes before the names of the CloudEvent's attributes, as CloudEvents' binary mode has it."""
MAX_HEADER_BYTES: Final = 1_024
MAX_BYTES_PER_LETTER: Final = 4
"""The longest code of UTF-8."""
MAX_MESSAGE_BYTES: Final = MAX_EVENT_BYTES + MAX_ENVELOPE_BYTES + MAX_HEADER_BYTES
"""The largest message of an event that the log accepts. NATS counts the headers."""


def subject_of(event: StoredEvent) -> str:
    return f"{SUBJECTS}.{partition_of(event.stream_id)}.{event.category}.{event.type}"


def message_of(event: StoredEvent, again: int = 0) -> tuple[str, bytes, dict[str, str]]:
    """Return the subject, the body and the headers.

    `again` is the sequence of a message that NATS has lost. Its id is still known there, so this
    message gets another one.
    """
    attributes = attributes_of(event)
    message_id = f"{attributes['id']}/{again}" if again else attributes["id"]
    return subject_of(event), body_of(attributes, event), headers_of(attributes, message_id)


def headers_of(attributes: Mapping[str, str], message_id: str) -> dict[str, str]:
    sent = {
        "Nats-Msg-Id": message_id,
        "Nats-Expected-Stream": STREAM,
        "Content-Type": CONTENT_TYPE,
    }
    for name, value in headers.repeated(attributes).items():
        sent[f"{PREFIX}{name}"] = value
    return sent


def message_bytes(event: StoredEvent) -> int:
    """Return the size of the event's message as NATS counts it: its headers and its body."""
    return header_bytes(event) + len(encode(event))


def header_bytes(event: StoredEvent) -> int:
    """Return the size of the headers with the longest message id that the event may get."""
    sent = headers_of(attributes_of(event), f"{event.event_id}/{MAX_VERSION}")
    return len("NATS/1.0\r\n\r\n") + sum(len(f"{k}: {v}\r\n") for k, v in sent.items())


def at_most_bytes(event: StoredEvent) -> int:
    """Return a limit of the message's size, without encoding it."""
    letters = len(event.data_json) + len(event.metadata_json)
    return letters * MAX_BYTES_PER_LETTER + MAX_ENVELOPE_BYTES + MAX_HEADER_BYTES


def received(message: Msg, partition: int, sequence: int) -> Message:
    """Return what a consumer gets. A foreign message without a subject has its topic as key."""
    attributes = _attributes(message.headers or {})
    return Message(
        key=attributes.get("subject") or message.subject,
        partition=partition,
        headers=attributes,
        body=message.data,
        origin=f"{STREAM}/{sequence}",
    )


def _attributes(found: Mapping[str, str]) -> dict[str, str]:
    return {name.lower().removeprefix(PREFIX): value for name, value in found.items()}
