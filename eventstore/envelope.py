"""An event with its metadata, before and after it is stored."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from domain.event import Event
from eventstore import upcasting
from eventstore.versions import ExpectedVersion


class EventMetadata(BaseModel):
    """The origin of an event: the same ids in the log, in Temporal and in a trace."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    correlation_id: str
    """The id shared by everything that one request caused: the order's id, where there is an
    order."""
    causation_id: str | None = None
    """The id of the command or event that caused this one."""
    traceparent: str | None = None
    """W3C Trace Context, level 1."""
    actor: str | None = None
    """`customer:<id>`, `operator:<id>` or `system`."""
    workflow_id: str | None = None
    step: str | None = None

    @property
    def json_text(self) -> str:
        """Return the stored form, made once for all the events of an append that share it."""
        # A manual cache, since a cached_property takes a lock for each new object (until Python
        # 3.12).
        made: str | None = self.__dict__.get("json_text")
        if made is None:
            made = self.__dict__["json_text"] = self.model_dump_json(exclude_none=True)
        return made


@dataclass(slots=True)
class NewEvent:
    event_id: UUID
    event: Event
    metadata: EventMetadata
    _data_json: str | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def type(self) -> str:
        return type(self.event).__name__

    @property
    def data_json(self) -> str:
        """Return the form that is checked and sent, made once."""
        # A manual cache, as above.
        if self._data_json is None:
            self._data_json = self.event.model_dump_json()
        return self._data_json


@dataclass(frozen=True, slots=True)
class StreamAppend:
    """The events for one stream, and the version that the writer expects."""

    stream_id: str
    events: Sequence[NewEvent]
    expected_version: ExpectedVersion


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """`data_json` and `metadata_json` are as stored, and decoded on demand."""

    position: int
    stream_id: str
    version: int
    event_id: UUID
    type: str
    schema_version: int
    data_json: str
    metadata_json: str
    recorded_at: datetime

    @property
    def data(self) -> dict[str, Any]:
        decoded: dict[str, Any] = json.loads(self.data_json)
        return decoded

    @property
    def metadata(self) -> EventMetadata:
        return EventMetadata.model_validate_json(self.metadata_json)

    @property
    def category(self) -> str:
        return self.stream_id.partition("-")[0]

    @property
    def aggregate_id(self) -> str:
        return self.stream_id.partition("-")[2]

    def decode(self) -> Event:
        """Return the domain's event in its current schema. Raises UnknownEventType."""
        return upcasting.decode(self)


@dataclass(frozen=True, slots=True)
class EventFilter:
    """The events of the log that a reader wants; None restricts nothing."""

    types: Collection[str] | None = None
    categories: Collection[str] | None = None
    """The part of the stream's name before its first dash."""

    @property
    def takes_all(self) -> bool:
        return self.types is None and self.categories is None


@dataclass(frozen=True, slots=True)
class AppendResult:
    """The positions of the events, in the given order. A repeated append returns its first
    result."""

    positions: tuple[int, ...]
    versions: tuple[int, ...]
    recorded_at: datetime
    duplicate: bool

    @property
    def last_position(self) -> int:
        return max(self.positions)
