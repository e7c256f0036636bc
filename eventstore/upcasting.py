"""How an event that was stored under an older schema is read: step by step, to the current one.

A class in domain/*/events.py always has the fields of today. When they change so that a stored
event could no longer be read, raise its `schema_version` and add to UPCASTERS the step from the
version before: a pure function of the data alone. The log itself is never rewritten.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pydantic_core import from_json, to_json

from domain.event import Event
from domain.registry import EVENT_TYPES
from eventstore.errors import MissingUpcaster, UnknownEventType, UnknownSchemaVersion

if TYPE_CHECKING:
    from eventstore.envelope import StoredEvent

Upcaster = Callable[[dict[str, Any]], dict[str, Any]]
"""From the data of one schema version to that of the next."""

OLDEST: Final = 1
"""The schema version that every event type began with."""


@dataclass(frozen=True, slots=True)
class Schemas:
    """Every event type by its name, and the step on from each of its older schema versions."""

    types: Mapping[str, type[Event]]
    upcasters: Mapping[tuple[str, int], Upcaster]

    def decode(self, stored: StoredEvent) -> Event:
        """The event with the fields of today. Raises UnknownEventType or one of its kinds."""
        event_type = self.types.get(stored.type)
        if event_type is None:
            raise _unreadable(UnknownEventType, stored, "deploy a version that knows it")
        if stored.schema_version == event_type.schema_version:
            return event_type.model_validate_json(stored.data_json)
        # As JSON, for validation takes it in another way than Python's own values.
        data = self._upcast(stored, event_type.schema_version)
        return event_type.model_validate_json(to_json(data))

    def _upcast(self, stored: StoredEvent, current: int) -> dict[str, Any]:
        if not OLDEST <= stored.schema_version <= current:
            advice = f"this code knows {OLDEST} to {current}: deploy a version that knows it"
            raise _unreadable(UnknownSchemaVersion, stored, advice)
        data: dict[str, Any] = from_json(stored.data_json)
        for version in range(stored.schema_version, current):
            step = self.upcasters.get((stored.type, version))
            if step is None:
                advice = f"add the step from version {version} to eventstore/upcasting.py"
                raise _unreadable(MissingUpcaster, stored, advice)
            data = step(data)
        return data


def _unreadable(kind: type[UnknownEventType], stored: StoredEvent, advice: str) -> UnknownEventType:
    return kind(stored.event_id, stored.type, stored.schema_version, advice)


def _rejected_when_short(data: dict[str, Any]) -> dict[str, Any]:
    """No order waited for stock then: `backorder` is false."""
    return {**data, "backorder": False}


def _fewer_reasons(data: dict[str, Any]) -> dict[str, Any]:
    """`reason` can be PARCEL_LOST since; the others are as they were."""
    return data


def _fewer_books(data: dict[str, Any]) -> dict[str, Any]:
    """`book` can be WORKFLOW since; the others are as they were."""
    return data


UPCASTERS: Final[dict[tuple[str, int], Upcaster]] = {
    ("OrderCreated", 1): _rejected_when_short,
    ("OrderCancellationRequested", 1): _fewer_reasons,
    ("OrderCancelled", 1): _fewer_reasons,
    ("DiscrepancyFound", 1): _fewer_books,
    ("DiscrepancyResolved", 1): _fewer_books,
}
"""By event type and the version that the step starts from."""

SCHEMAS: Final = Schemas(EVENT_TYPES, UPCASTERS)
