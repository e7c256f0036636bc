"""Make the test event of an endpoint, which is in no log."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from uuid import UUID

from eventstore.cloudevents import SOURCE
from notifications.webhooks.delivery import TEST_TYPE


def trial_stream(endpoint_id: UUID) -> str:
    return f"webhook-{endpoint_id}"


def trial_body(endpoint_id: UUID, event_id: UUID, asked_at: datetime) -> bytes:
    """Return a CloudEvent with the attributes that every receiver can rely on."""
    envelope = {
        "specversion": "1.0",
        "id": str(event_id),
        "source": SOURCE,
        "type": f"waybill.{TEST_TYPE}.v1",
        "subject": trial_stream(endpoint_id),
        "time": asked_at.astimezone(UTC).isoformat(),
        "datacontenttype": "application/json",
        "data": {"webhook": str(endpoint_id)},
    }
    return json.dumps(envelope).encode()
