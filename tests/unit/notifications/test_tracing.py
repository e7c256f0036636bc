"""An attempt to notify belongs to the trace of the event, and names no recipient."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

from notifications.facts import Notice
from notifications.outbox import Channel, Taken
from notifications.tracing import attempting, delivering
from notifications.webhooks.delivery import Delivery
from tests.support.recording import SAMPLED, recording


def test_a_mail_is_sent_in_the_trace_of_its_event() -> None:
    taken = Taken(uuid4(), "order", 7, Notice.SHIPPED, 2, "customer:ada", SAMPLED)
    with recording() as made:
        with attempting(taken, Channel.EMAIL):
            pass
        (span,) = made.ended()

    assert (span.name, span.parent and span.parent.span_id) == ("send email", 0xB7AD6B7169203331)
    assert dict(span.attributes or {}) == {
        "waybill.order_id": "order",
        "waybill.notice": "shipped",
        "waybill.attempt": 2,
    }


def test_a_webhook_is_sent_in_the_trace_of_its_event_and_shows_no_body() -> None:
    delivery = Delivery(
        uuid4(),
        "order-1",
        7,
        "OrderCreated",
        b"body",
        recorded_at=datetime.now(UTC),
        attempts=1,
        traceparent=SAMPLED,
    )
    with recording() as made:
        with delivering(delivery):
            pass
        (span,) = made.ended()

    assert (span.name, span.parent and span.parent.span_id) == ("send webhook", 0xB7AD6B7169203331)
    assert dict(span.attributes or {}) == {
        "waybill.event_type": "OrderCreated",
        "waybill.attempt": 2,
    }
