"""Show a stored event as the CloudEvent that the bus carries, for docs/EVENTS.md."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime

from domain.ids import event_id_for
from eventstore.cloudevents import encode, metadata_as_stored
from eventstore.envelope import EventMetadata, StoredEvent
from tests.samples.files import Sample


def envelope_example(recorded: Iterable[Sample]) -> str:
    sample = next(s for s in recorded if s.type == "OrderRejected")
    order_id = json.loads(sample.text)["order_id"]
    workflow_id = f"order-{order_id}"
    metadata = EventMetadata(
        correlation_id=order_id,
        causation_id=f"{workflow_id}/reject",
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        actor="system",
        workflow_id=workflow_id,
        step="reject",
    )
    stored = StoredEvent(
        position=1042,
        stream_id=f"order-{order_id}",
        version=2,
        event_id=event_id_for(workflow_id, "reject", 0),
        type=sample.type,
        schema_version=sample.schema_version,
        data_json=sample.text,
        metadata_json=metadata_as_stored(metadata),
        recorded_at=datetime(2026, 11, 23, 9, 8, 7, 123_456, UTC),
    )
    return f"```json\n{json.dumps(json.loads(encode(stored)), indent=2)}\n```"
