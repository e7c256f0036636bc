"""Describe an append in the attributes of its span."""

from __future__ import annotations

from collections.abc import Iterable

from domain.customer.decide import CUSTOMER
from eventstore.envelope import NewEvent
from observability.tracing.spans import EVENT_TYPE, STREAM


def described(events: Iterable[tuple[str, NewEvent]]) -> dict[str, str]:
    """Return the attributes for these events, each with the name of its stream."""
    events = list(events)
    streams = dict.fromkeys(_shown(stream_id) for stream_id, _ in events)
    return {
        "db.system.name": "postgresql",
        STREAM: " ".join(streams),
        EVENT_TYPE: " ".join(new.type for _, new in events),
    }


def _shown(stream_id: str) -> str:
    """Return the stream, but of a customer's the category: an id may be an e-mail address."""
    return CUSTOMER.category if stream_id.startswith(CUSTOMER.stream("")) else stream_id
