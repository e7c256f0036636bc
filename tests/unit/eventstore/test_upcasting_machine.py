"""A stored version is read as if it had been rewritten with each change of its schema.

The model is a log that is rewritten with every change of the schema; the store is never rewritten.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pydantic import ConfigDict

from domain.event import Event, Upcaster
from eventstore.envelope import StoredEvent
from eventstore.errors import MissingUpcaster, UnknownEventType, UnknownSchemaVersion
from eventstore.upcasting import decode

Data = dict[str, Any]

FIELDS: Final = st.sampled_from("abcd")
VALUES: Final = st.none() | st.booleans() | st.integers() | st.text("xyz\0é", max_size=3)
DATA: Final = st.dictionaries(FIELDS, VALUES | st.lists(VALUES, max_size=2), max_size=4)


class Open(Event):
    """An event that takes any field, since the machine invents them."""

    model_config = ConfigDict(extra="allow")


@cache
def open_type(version: int) -> type[Open]:
    return type("Probe", (Open,), {"schema_version": version, "__module__": __name__})


def add(field: str, value: object) -> Upcaster:
    return lambda data: {**data, field: value}


def drop(field: str) -> Upcaster:
    return lambda data: {name: value for name, value in data.items() if name != field}


def rename(old: str, new: str) -> Upcaster:
    return lambda data: {new if name == old else name: value for name, value in data.items()}


def wrap(field: str) -> Upcaster:
    """Wrap the field in a list, so that a step that is left out or taken twice shows."""
    return lambda data: {**data, field: [data.get(field)]}


def tear(field: str) -> Upcaster:
    """Change the input in place, as a careless step does."""

    def step(data: Data) -> Data:
        data.setdefault(field, []) if field not in data else data.pop(field)
        return data

    return step


STEPS: Final[st.SearchStrategy[Upcaster]] = st.one_of(
    st.builds(add, FIELDS, VALUES),
    st.builds(drop, FIELDS),
    st.builds(rename, FIELDS, FIELDS),
    st.builds(wrap, FIELDS),
    st.builds(tear, FIELDS),
)


class SchemaHistory(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.current = 1
        self.steps: dict[int, Upcaster] = {}
        self.taken: list[int] = []
        self.log: list[tuple[int, str]] = []
        self.rewritten: list[Data] = []

    def read(self, version: int, text: str, type_name: str = "Probe") -> Data:
        self.taken.clear()
        event_type = open_type(self.current)
        event_type.upcasters = self.steps
        return decode(_stored(version, text, type_name), {"Probe": event_type}).model_dump()

    @rule(data=DATA)
    def append(self, data: Data) -> None:
        self.log.append((self.current, json.dumps(data)))
        self.rewritten.append(data)

    @rule(step=STEPS)
    def change_the_schema(self, step: Upcaster) -> None:
        self.steps[self.current] = self._noted(self.current, step)
        self.rewritten = [step(_copy(data)) for data in self.rewritten]
        self.current += 1

    def _noted(self, version: int, step: Upcaster) -> Callable[[Data], Data]:
        def noted(data: Data) -> Data:
            self.taken.append(version)
            return step(data)

        return noted

    @invariant()
    def every_event_is_read_as_if_rewritten_by_each_step_once_and_in_order(self) -> None:
        for (version, text), expected in zip(self.log, self.rewritten, strict=True):
            assert self.read(version, text) == expected
            assert self.taken == list(range(version, self.current))

    @rule(data=DATA, ahead=st.integers(1, 3))
    def an_event_from_the_future_is_never_read(self, data: Data, ahead: int) -> None:
        with pytest.raises(UnknownSchemaVersion):
            self.read(self.current + ahead, json.dumps(data))
        assert self.taken == []

    @precondition(lambda self: self.steps)
    @rule(choice=st.data())
    def without_a_step_only_those_beyond_it_are_read(self, choice: st.DataObject) -> None:
        gap = choice.draw(st.integers(1, self.current - 1))
        step = self.steps.pop(gap)
        for (version, text), expected in zip(self.log, self.rewritten, strict=True):
            if version > gap:
                assert self.read(version, text) == expected
            else:
                with pytest.raises(MissingUpcaster):
                    self.read(version, text)
        self.steps[gap] = step

    @rule(data=DATA)
    def a_type_of_another_name_is_not_taken_for_it(self, data: Data) -> None:
        with pytest.raises(UnknownEventType):
            self.read(1, json.dumps(data), "Prob")


def _copy(data: Data) -> Data:
    copied: Data = json.loads(json.dumps(data))
    return copied


def _stored(version: int, text: str, type_name: str) -> StoredEvent:
    return StoredEvent(
        position=1,
        stream_id="probe-1",
        version=1,
        event_id=UUID(int=1),
        type=type_name,
        schema_version=version,
        data_json=text,
        metadata_json='{"correlation_id": "probe-1"}',
        recorded_at=datetime(2026, 11, 23, tzinfo=UTC),
    )


TestSchemaHistory = SchemaHistory.TestCase
TestSchemaHistory.settings = settings(max_examples=50, stateful_step_count=25)
