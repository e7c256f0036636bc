"""A message that a consumer group takes, decoded if that is possible."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self
from uuid import UUID, uuid5

from eventbus.source import Message
from eventstore.cloudevents import MalformedCloudEvent
from eventstore.envelope import StoredEvent

_ORIGINS: Final = UUID("5f1c1a52-0c1b-5d7e-9d57-0d6d6f1f6b5a")
"""The namespace of the ids of messages that cannot be decoded."""
MAX_TEXT: Final = 300
"""A stream's id is shorter, and so is every header that Waybill writes."""


@dataclass(frozen=True, slots=True)
class Received:
    message: Message
    id: UUID
    """The event's id, or one derived from the message's origin."""
    event: StoredEvent | None
    fault: MalformedCloudEvent | None

    @classmethod
    def of(cls, message: Message) -> Self:
        try:
            event = message.event()
        except MalformedCloudEvent as error:
            return cls(message, uuid5(_ORIGINS, message.origin), None, error)
        return cls(message, event.event_id, event, None)

    @property
    def key(self) -> str:
        return storable(self.message.key)

    def require_event(self) -> StoredEvent:
        """Raises MalformedCloudEvent."""
        if self.event is None:
            assert self.fault is not None  # noqa: S101 - one of them is there
            raise self.fault
        return self.event


def storable(text: str) -> str:
    """Return the text without what PostgreSQL cannot store; a foreign message may hold it."""
    if text.isascii() and text.isprintable() and len(text) <= MAX_TEXT:
        return text
    return text.encode(errors="replace").decode().replace("\0", "\ufffd")[:MAX_TEXT]
