"""Convert a stored event to CloudEvents 1.0 in its JSON format (structured mode), and back.

https://github.com/cloudevents/spec, CloudEvents 1.0.2, with its extensions for distributed tracing
(`traceparent`) and for sequence. The decoded event equals the one in the log exactly: `data` keeps
PostgreSQL's spelling, and numbers never become floats.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    StringConstraints,
    ValidationError,
)

from eventstore.envelope import EventMetadata, StoredEvent
from eventstore.errors import EventStoreError
from eventstore.validation import STREAM_ID

CONTENT_TYPE: Final = "application/cloudevents+json"
SOURCE: Final = "/waybill"
MAX_ENVELOPE_BYTES: Final = 1_024
"""The most that `encode` adds to an event's data and metadata: names, ids, the time, the stream."""

_TYPE: Final = re.compile(r"waybill\.([A-Za-z][A-Za-z0-9]*)\.v([1-9][0-9]{0,4})")
_EXTENSIONS: Final = {name.replace("_", ""): name for name in EventMetadata.model_fields}
"""The metadata by the extension attribute that carries it: lower case and digits only."""


_STORED: Final = sorted(EventMetadata.model_fields, key=lambda name: (len(name), name))
"""The metadata in the order in which PostgreSQL writes it."""
_METADATA: Final = json.JSONEncoder(ensure_ascii=False)
_ATTRIBUTES: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class MalformedCloudEvent(EventStoreError):
    """Bytes that are no event of Waybill: not JSON, or these attributes are missing or wrong."""

    def __init__(self, attributes: tuple[str, ...]) -> None:
        at_fault = f"see {', '.join(attributes)}" if attributes else "it is no JSON object"
        super().__init__(f"this is no CloudEvents 1.0 envelope of Waybill's: {at_fault}")
        self.attributes = attributes


def _checked_metadata(text: str) -> str:
    EventMetadata.model_validate_json(text)
    return text


class _Received(BaseModel):
    """What is on the wire. Foreign extensions, which a bus may add, are ignored."""

    model_config = ConfigDict(extra="ignore", hide_input_in_errors=True)

    specversion: Literal["1.0"]
    id: UUID
    source: Literal["/waybill"]
    type: Annotated[str, StringConstraints(pattern=rf"^{_TYPE.pattern}$")]
    subject: Annotated[str, StringConstraints(pattern=rf"^{STREAM_ID.pattern}$")]
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    sequence: Annotated[str, StringConstraints(pattern=r"^[0-9]{19}$")]
    """The position, zero-padded: the extension requires strings that sort like their values."""
    streamversion: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,18}$")]
    """A string, because an integer attribute has 32 bits."""
    correlationid: str
    causationid: str | None = None
    traceparent: str | None = None
    actor: str | None = None
    workflowid: str | None = None
    step: str | None = None
    metadata: Annotated[str, AfterValidator(_checked_metadata)] | None = None
    """The stored metadata, where the attributes above do not hold all of it."""
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Number:
    """A JSON number in its original spelling: 1.10 is not 1.1, and 1e400 is no float."""

    text: str


def type_of(stored: StoredEvent) -> str:
    """Return the attribute `type`."""
    return f"waybill.{stored.type}.v{stored.schema_version}"


def attributes_of(stored: StoredEvent) -> dict[str, str]:
    """Return the attributes of the event and their values, without `data`."""
    metadata = stored.metadata
    attributes = {
        "specversion": "1.0",
        "id": str(stored.event_id),
        "source": SOURCE,
        "type": type_of(stored),
        "subject": stored.stream_id,
        "time": stored.recorded_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "sequence": f"{stored.position:019}",
        "streamversion": str(stored.version),
    }
    for attribute, name in _EXTENSIONS.items():
        if (value := getattr(metadata, name)) is not None:
            attributes[attribute] = value
    if stored.metadata_json != metadata_as_stored(metadata):
        attributes["metadata"] = stored.metadata_json
    return attributes


def encode(stored: StoredEvent) -> bytes:
    return body_of(attributes_of(stored), stored)


def body_of(attributes: Mapping[str, str], stored: StoredEvent) -> bytes:
    """Return the event with these attributes, which are its own."""
    return f'{_ATTRIBUTES.encode(attributes)[:-1]},"data":{stored.data_json}}}'.encode()


def decode(body: bytes) -> StoredEvent:
    """Return the event that `encode` was given. Raises MalformedCloudEvent."""
    try:
        envelope = _Received.model_validate(_members(body))
    except ValidationError as error:
        # Raise without the cause, which would show the values.
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
        data_json=_data(envelope.data),
        metadata_json=envelope.metadata or metadata_as_stored(_metadata(envelope)),
        recorded_at=envelope.time.astimezone(UTC),
    )


def _members(body: bytes) -> dict[str, Any]:
    try:
        members = json.loads(
            body.decode(), parse_float=_Number, parse_int=_Number, parse_constant=_refused
        )
    except (ValueError, RecursionError):
        raise MalformedCloudEvent(()) from None
    if not isinstance(members, dict):
        raise MalformedCloudEvent(())
    return members


def _refused(constant: str) -> object:
    """Return a value for NaN and Infinity that no field accepts: JSON does not have them."""
    del constant
    return object()


def _metadata(envelope: _Received) -> EventMetadata:
    return EventMetadata.model_validate(
        {name: getattr(envelope, attribute) for attribute, name in _EXTENSIONS.items()}
    )


def metadata_as_stored(metadata: EventMetadata) -> str:
    """Return the JSON as PostgreSQL writes it: short keys first."""
    known = {name: value for name in _STORED if (value := getattr(metadata, name)) is not None}
    return _METADATA.encode(known)


def _data(data: dict[str, Any]) -> str:
    try:
        text = _text(data)
        text.encode()
    except (ValueError, RecursionError):  # half of a surrogate pair, or nested too deep
        raise MalformedCloudEvent(("data",)) from None
    return text


def _text(value: object) -> str:
    """Return the JSON with PostgreSQL's spaces and escapes, and numbers as they were written."""
    match value:
        case dict():
            members = (f"{_text(key)}: {_text(inner)}" for key, inner in value.items())
            return f"{{{', '.join(members)}}}"
        case list():
            return f"[{', '.join(map(_text, value))}]"
        case _Number():
            return value.text
        case str() | bool() | None:
            return json.dumps(value, ensure_ascii=False)
        case _:
            raise ValueError(value)


def _at_fault(error: ValidationError) -> tuple[str, ...]:
    locations = (e["loc"] for e in error.errors(include_input=False, include_context=False))
    return tuple(dict.fromkeys(str(location[0]) for location in locations if location))
