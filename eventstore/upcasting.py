"""Read an event that was stored under an older schema version, step by step, as the current one.

An event class always has its current fields. When they change so that a stored event could no
longer be read, raise the `schema_version` of the class and add to its `upcasters` the step from the
version before. The log itself is never rewritten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from pydantic_core import from_json, to_json

from domain.event import OLDEST_SCHEMA_VERSION, Event
from domain.registry import EVENT_TYPES
from eventstore.errors import MissingUpcaster, UnknownEventType, UnknownSchemaVersion


class Serialized(Protocol):
    """The facts of an event that are known before it is decoded."""

    @property
    def event_id(self) -> UUID: ...
    @property
    def type(self) -> str: ...
    @property
    def schema_version(self) -> int: ...
    @property
    def data_json(self) -> str: ...


def decode(stored: Serialized, types: Mapping[str, type[Event]] = EVENT_TYPES) -> Event:
    """Return the event with its current fields.

    Raises UnknownEventType, UnknownSchemaVersion or MissingUpcaster.
    """
    event_type = types.get(stored.type)
    if event_type is None:
        raise _unreadable(UnknownEventType, stored, "deploy a version that knows it")
    if stored.schema_version == event_type.schema_version:
        return event_type.model_validate_json(stored.data_json)
    # Validate as JSON, since pydantic validates Python's own values by other rules.
    return event_type.model_validate_json(to_json(_upcast(stored, event_type)))


def _upcast(stored: Serialized, event_type: type[Event]) -> dict[str, Any]:
    current = event_type.schema_version
    if not OLDEST_SCHEMA_VERSION <= stored.schema_version <= current:
        known = f"{OLDEST_SCHEMA_VERSION} to {current}"
        advice = f"this code knows {known}: deploy a version that knows it"
        raise _unreadable(UnknownSchemaVersion, stored, advice)
    data: dict[str, Any] = from_json(stored.data_json)
    for version in range(stored.schema_version, current):
        step = event_type.upcasters.get(version)
        if step is None:
            advice = f"add the step from version {version} to {stored.type}.upcasters"
            raise _unreadable(MissingUpcaster, stored, advice)
        data = step(data)
    return data


def _unreadable(kind: type[UnknownEventType], stored: Serialized, advice: str) -> UnknownEventType:
    return kind(stored.event_id, stored.type, stored.schema_version, advice)
