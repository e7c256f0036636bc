"""The CloudEvent's attributes that each message repeats as headers.

A consumer can choose messages by them, without decoding the body. Each broker puts its own prefix
before the names: `ce-type` on NATS, `ce_type` on Kafka.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from eventstore.cloudevents import type_of
from eventstore.envelope import StoredEvent

MAX_VALUE: Final = 128
"""A longer value of the metadata, or one that is not printable ASCII, is not repeated."""

_VALUE: Final = re.compile(rf"[\x21-\x7e]{{1,{MAX_VALUE}}}")
_TYPE: Final = re.compile(r"waybill\.([A-Za-z0-9]+)\.v[0-9]+")


def headers_of(event: StoredEvent) -> dict[str, str]:
    """Return `type`, `id` and `subject`, and `correlationid`, `actor` and `traceparent` where the
    event has them."""
    metadata = event.metadata
    optional = {
        "correlationid": metadata.correlation_id,
        "actor": metadata.actor,
        "traceparent": metadata.traceparent,
    }
    return {
        "type": type_of(event),
        "id": str(event.event_id),
        "subject": event.stream_id,
        **{n: value for n, value in optional.items() if value and _VALUE.fullmatch(value)},
    }


def type_in(headers: Mapping[str, str]) -> str | None:
    """Return the event type that the header `type` names."""
    match = _TYPE.fullmatch(headers.get("type", ""))
    return match and match[1]
