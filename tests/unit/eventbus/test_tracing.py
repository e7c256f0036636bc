"""Publishing and handling an event belong to the trace of the event."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import uuid4

import pytest

from eventbus.tracing import handling, record_published
from eventstore.envelope import StoredEvent
from observability import trace
from tests.support.recording import NOT_SAMPLED, SAMPLED, recording

OTHER = SAMPLED.replace("b7ad6b7169203331", "00f067aa0ba902b7")


def stored(event_type: str, traceparent: str | None) -> StoredEvent:
    metadata = {"correlation_id": "order-1", "traceparent": traceparent}
    at = datetime(2026, 11, 27, tzinfo=UTC)
    return StoredEvent(1, "order-1", 1, uuid4(), event_type, 1, "{}", json.dumps(metadata), at)


def test_the_events_of_a_step_are_published_in_one_span_below_it() -> None:
    page = [
        stored("OrderReserved", SAMPLED),
        stored("InventoryReserved", SAMPLED),
        stored("PaymentRequested", OTHER),
        stored("Untraced", None),
        stored("NotSampled", NOT_SAMPLED),
    ]
    with recording() as made:
        record_published(page, 1)
        spans = made.ended()

    found = [(s.name, dict(s.attributes or {}), s.parent and s.parent.span_id) for s in spans]
    assert found == [
        ("publish", {"waybill.event_type": "OrderReserved InventoryReserved"}, 0xB7AD6B7169203331),
        ("publish", {"waybill.event_type": "PaymentRequested"}, 0x00F067AA0BA902B7),
    ]


def test_a_handler_works_in_the_trace_of_its_event() -> None:
    with recording() as made:
        with handling(stored("OrderCreated", SAMPLED), "shop"):
            inside = trace.current() or ""
        (span,) = made.ended()

    assert (span.name, inside[:36]) == ("handle shop", SAMPLED[:36])
    assert dict(span.attributes or {}) == {
        "waybill.event_type": "OrderCreated",
        "waybill.stream": "order-1",
        "messaging.consumer.group.name": "shop",
    }


@pytest.mark.parametrize("traceparent", [None, SAMPLED])
def test_without_an_exporter_the_handler_still_has_the_trace(traceparent: str | None) -> None:
    with handling(stored("OrderCreated", traceparent), "shop"):
        assert trace.current() == traceparent
    assert trace.current() is None
