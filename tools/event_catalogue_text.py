"""What docs/EVENTS.md says of all events alike."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Final

from domain.ids import event_id_for
from eventstore.cloudevents import encode, metadata_as_stored
from eventstore.envelope import EventMetadata, StoredEvent
from tests.samples.files import Sample

INTRODUCTION: Final = """\
# Events

Made from the code by `python -m tools.event_catalogue`; `make check` compares. Do not edit it here.

An event is a fact in the past tense. It is appended to a stream, `<category>-<id>`, and never
changed or taken away. With it the log keeps:

| What | Meaning |
| --- | --- |
| `position` | Of the event in the global log. It grows, with gaps. |
| `stream_id`, `version` | The stream, and the event's place in it: 1, 2, 3 without gaps. |
| `event_id` | A UUID derived from workflow, step and index: the same in every retry. |
| `type`, `schema_version` | Which of the events below, and which form of its fields. |
| `data` | The fields below, as JSON. |
| `metadata` | `correlation_id`; where known also `causation_id`, `traceparent`, `actor`, \
`workflow_id` and `step`. |
| `recorded_at` | When it was appended, in UTC, to the microsecond. |

**Personal** fields are encrypted under a key of the person before they are stored; erasing the
person deletes the key. Units stand with the meaning; amounts of money are integers of minor
units, never floats.

**When fields change**, stored events do not. Raise the class's `schema_version`, add the step from
the version before to its `upcasters`, and run `python -m tests.samples.record` and
`python -m tools.event_catalogue`. An event of an older version is read step by step; one of a newer
version than the code, or of a type that it does not know, is an error and never skipped. That is
why readers are deployed before writers.

## On the bus

As CloudEvents 1.0, structured JSON. `sequence` is the position and `streamversion` the version."""


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
