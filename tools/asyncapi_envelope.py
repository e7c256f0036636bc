"""The attributes and headers that all messages of the bus have, as JSON Schemas.

`eventstore/cloudevents.py` writes them; `tests/unit/tools/test_asyncapi.py` compares the two.
"""

from __future__ import annotations

from typing import Any, Final

from eventstore.cloudevents import CONTENT_TYPE, SOURCE
from eventstore.validation import STREAM_ID

STREAM: Final[dict[str, Any]] = {
    "type": "string",
    "pattern": f"^{STREAM_ID.pattern}$",
    "description": "The name of the stream: a category, a dash and an id, such as `order-4711`.",
}


def _text(description: str, **constraints: object) -> dict[str, Any]:
    return {"type": "string", "description": description, **constraints}


_REQUIRED: Final[dict[str, Any]] = {
    "specversion": _text("The version of CloudEvents.", const="1.0"),
    "id": _text(
        "The id of the event. It stays the same when the event is published again: remember it to "
        "recognise a duplicate.",
        format="uuid",
    ),
    "source": _text("The publisher.", const=SOURCE),
    "type": _text("The type of the event and the version of `data`: `waybill.<Type>.v<version>`."),
    "subject": {"allOf": [{"$ref": "#/components/schemas/Stream"}]},
    "time": _text("The time at which the event was recorded.", format="date-time"),
    "datacontenttype": _text("The type of `data`.", const="application/json"),
    "sequence": _text(
        "The position in the log of all events, with leading zeros. Positions have gaps.",
        pattern="^[0-9]{19}$",
    ),
    "streamversion": _text(
        "The place in the stream: 1, 2, 3 without gaps.", pattern="^[1-9][0-9]{0,18}$"
    ),
    "correlationid": _text("The id shared by everything that one request caused."),
}
_OPTIONAL: Final[dict[str, Any]] = {
    "causationid": _text("The id of what caused the event."),
    "traceparent": _text("The trace context of W3C."),
    "actor": _text("Who caused the event: a role and an id, or `system`."),
    "workflowid": _text("The workflow that recorded the event."),
    "step": _text("The step of that workflow."),
    "metadata": _text("The metadata as JSON, where the attributes above do not hold all of it."),
}

ENVELOPE: Final[dict[str, Any]] = {
    "type": "object",
    "description": "The attributes of the CloudEvent. `data` differs by `type`.",
    "required": list(_REQUIRED),
    "properties": _REQUIRED | _OPTIONAL,
}

HEADERS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "Attributes that are repeated as headers, so that a consumer can choose "
    "messages without decoding them: `ce-type` on NATS, `ce_type` on Kafka. A value that is no "
    "printable ASCII, or longer than 128 characters, is left out. NATS also has `Nats-Msg-Id`.",
    "patternProperties": {
        "^([Cc])ontent-([Tt])ype$": _text("The type of the message.", const=CONTENT_TYPE),
        "^ce[-_]type$": _text("The attribute `type`."),
        "^ce[-_]id$": _text("The attribute `id`."),
        "^ce[-_]subject$": _text("The attribute `subject`."),
        "^ce[-_]correlationid$": _text("The attribute `correlationid`."),
        "^ce[-_]actor$": _text("The attribute `actor`."),
        "^ce[-_]traceparent$": _text("The attribute `traceparent`."),
    },
}
