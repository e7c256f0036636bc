"""A stored event as CloudEvents 1.0 in its JSON format (structured mode), and back.

https://github.com/cloudevents/spec, CloudEvents 1.0.2, with its extensions for distributed tracing
(`traceparent`) and for sequence. Nothing of the event is lost on the way.
"""

from __future__ import annotations

import json
import re
from datetime import UTC
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, StringConstraints, ValidationError

from eventstore.envelope import EventMetadata, StoredEvent
from eventstore.errors import EventStoreError
from eventstore.validation import STREAM_ID

CONTENT_TYPE: Final = "application/cloudevents+json"
SOURCE: Final = "/waybill"
MAX_ENVELOPE_BYTES: Final = 1_024
"""The most that `encode` adds to an event's data and metadata: names, ids, the time, the stream."""

_TYPE: Final = re.compile(r"waybill\.([A-Za-z][A-Za-z0-9]*)\.v([1-9][0-9]{0,4})")
_EXTENSIONS: Final = {name.replace("_", ""): name for name in EventMetadata.model_fields}
"""Our metadata by the extension attribute that carries it: lower case and digits, no more."""


class MalformedCloudEvent(EventStoreError):
    """Bytes that are no event of ours: not JSON, or these attributes are missing or wrong."""

    def __init__(self, attributes: tuple[str, ...]) -> None:
        at_fault = f"see {', '.join(attributes)}" if attributes else "it is no JSON object"
        super().__init__(f"this is no CloudEvents 1.0 envelope of Waybill's: {at_fault}")
        self.attributes = attributes


class _Envelope(BaseModel):
    """The attributes as they are sent. Foreign extensions, which a bus may add, are let be."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    specversion: Literal["1.0"]
    id: UUID
    source: Literal["/waybill"]
    type: Annotated[str, StringConstraints(pattern=rf"^{_TYPE.pattern}$")]
    subject: Annotated[str, StringConstraints(pattern=rf"^{STREAM_ID.pattern}$")]
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: Annotated[str, StringConstraints(pattern=r"^[0-9]{19}$")]
    """The position, padded: the extension asks for strings that sort as what they stand for."""
    streamversion: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,18}$")]
    """As a string, for an integer attribute has 32 bits."""
    correlationid: str
    causationid: str | None = None
    traceparent: str | None = None
    actor: str | None = None
    workflowid: str | None = None
    step: str | None = None
    data: dict[str, Any]


def encode(stored: StoredEvent) -> bytes:
    metadata = stored.metadata
    envelope = _Envelope(
        specversion="1.0",
        id=stored.event_id,
        source=SOURCE,
        type=f"waybill.{stored.type}.v{stored.schema_version}",
        subject=stored.stream_id,
        time=stored.recorded_at.astimezone(UTC),
        sequence=f"{stored.position:019}",
        streamversion=str(stored.version),
        data=stored.data,
        **{attribute: getattr(metadata, name) for attribute, name in _EXTENSIONS.items()},
    )
    return envelope.model_dump_json(exclude_none=True).encode()


def decode(body: bytes) -> StoredEvent:
    """The event that `encode` was given. Raises MalformedCloudEvent."""
    try:
        envelope = _Envelope.model_validate_json(body, strict=True)
    except ValidationError as error:
        # Without its cause, which would show what is in them.
        raise MalformedCloudEvent(_at_fault(error)) from None
    match = _TYPE.fullmatch(envelope.type)
    assert match is not None  # noqa: S101 - the envelope has just been held to the pattern
    return StoredEvent(
        position=int(envelope.sequence),
        stream_id=envelope.subject,
        version=int(envelope.streamversion),
        event_id=envelope.id,
        type=match[1],
        schema_version=int(match[2]),
        data_json=_as_stored(envelope.data),
        metadata_json=_metadata(envelope).model_dump_json(exclude_none=True),
        recorded_at=envelope.time.astimezone(UTC),
    )


def _metadata(envelope: _Envelope) -> EventMetadata:
    return EventMetadata.model_validate(
        {name: getattr(envelope, attribute) for attribute, name in _EXTENSIONS.items()}
    )


def _as_stored(data: dict[str, Any]) -> str:
    """With the spaces that PostgreSQL puts, so that the event equals the one in the log."""
    try:
        return json.dumps(data, ensure_ascii=False, allow_nan=False)
    except ValueError:
        raise MalformedCloudEvent(("data",)) from None


def _at_fault(error: ValidationError) -> tuple[str, ...]:
    locations = (e["loc"] for e in error.errors(include_input=False, include_context=False))
    return tuple(dict.fromkeys(str(location[0]) for location in locations if location))
