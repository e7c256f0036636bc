"""Continue the trace of the event that a notification is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from notifications.outbox import Channel, Taken
from notifications.webhooks.delivery import Delivery
from observability import trace
from observability.tracing import spans
from observability.tracing.spans import ATTEMPT, EVENT_TYPE, ORDER_ID, Kind, Span

OUTCOME: Final = "waybill.outcome"
CAUSE: Final = "waybill.cause"
_NOTICE: Final = "waybill.notice"


@contextmanager
def attempting(taken: Taken, channel: Channel) -> Iterator[Span | None]:
    """Make an attempt to send a mail or a push message."""
    with (
        trace.carrying(taken.traceparent),
        spans.span(f"send {channel}", Kind.PRODUCER) as span,
    ):
        if span is not None:
            span.attributes.update({ORDER_ID: taken.order_id, _NOTICE: taken.kind})
            span.attributes[ATTEMPT] = taken.attempts
        yield span


@contextmanager
def delivering(delivery: Delivery) -> Iterator[Span | None]:
    """Make an attempt to deliver a webhook."""
    with (
        trace.carrying(delivery.traceparent),
        spans.span("send webhook", Kind.PRODUCER) as span,
    ):
        if span is not None:
            span.attributes[EVENT_TYPE] = delivery.event_type
            span.attributes[ATTEMPT] = delivery.attempts + 1
        yield span
