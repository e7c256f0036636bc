"""A stored event as CloudEvents 1.0 in its JSON format (structured mode).

https://github.com/cloudevents/spec, CloudEvents 1.0.2; `traceparent` is its distributed tracing
extension.
"""

from __future__ import annotations

import json
from typing import Any, Final

from eventstore.envelope import StoredEvent

CONTENT_TYPE: Final = "application/cloudevents+json"
SOURCE: Final = "/waybill"


def to_cloudevent(stored: StoredEvent) -> dict[str, Any]:
    metadata = stored.metadata.model_dump(exclude_none=True)
    return {
        "specversion": "1.0",
        "id": str(stored.event_id),
        "source": SOURCE,
        "type": f"waybill.{stored.type}.v{stored.schema_version}",
        "subject": stored.stream_id,
        "time": stored.recorded_at.isoformat(),
        "datacontenttype": "application/json",
        "data": stored.data,
        "sequence": str(stored.position),
        "streamversion": stored.version,
        **{key.replace("_", ""): value for key, value in metadata.items()},
    }


def encode(stored: StoredEvent) -> bytes:
    return json.dumps(to_cloudevent(stored), separators=(",", ":")).encode()
