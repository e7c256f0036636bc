"""Continue the trace of an event where it is published and where it is handled."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from eventstore.envelope import StoredEvent
from observability import trace
from observability.tracing import spans
from observability.tracing.spans import EVENT_TYPE, STREAM, Kind

_GROUP: Final = "messaging.consumer.group.name"


def record_published(page: Sequence[StoredEvent], began: int) -> None:
    """Record one span for the events of each append: they share its traceparent."""
    if not spans.is_on():
        return
    appended: defaultdict[str, list[StoredEvent]] = defaultdict(list)
    for event in page:
        if (parent := event.metadata.traceparent) is not None:
            appended[parent].append(event)
    for parent, events in appended.items():
        types = {EVENT_TYPE: " ".join(event.type for event in events)}
        spans.ended("publish", Kind.PRODUCER, parent, began, types)


@contextmanager
def handling(event: StoredEvent, group: str) -> Iterator[None]:
    """Handle the event in its trace."""
    with (
        trace.carrying(event.metadata.traceparent),
        spans.span(f"handle {group}", Kind.CONSUMER) as span,
    ):
        if span is not None:
            span.attributes |= {EVENT_TYPE: event.type, STREAM: event.stream_id, _GROUP: group}
        yield
