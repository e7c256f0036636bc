"""The log refuses some JSON in an event, and takes everything else."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any, ClassVar, Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event import Event
from domain.registry import EVENT_TYPES
from eventstore.envelope import EventMetadata, NewEvent, StreamAppend
from eventstore.errors import InvalidAppend
from eventstore.validation import MAX_EVENT_BYTES, check_appends
from eventstore.versions import ANY

METADATA: Final = EventMetadata(correlation_id="o-1")
BACKSLASH: Final = "\\"


class Measured(Event):
    """An event type of these tests alone, with a field that takes anything."""

    value: Any


class MeasuredAnew(Event):
    schema_version: ClassVar[int] = 2

    value: Any


MeasuredAnew.__name__ = "Measured"


@pytest.fixture(autouse=True, scope="module")
def _registered() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(EVENT_TYPES, "Measured", Measured)
        yield


def check(value: object, metadata: EventMetadata = METADATA) -> NewEvent:
    new = NewEvent(UUID(int=1), Measured(value=value), metadata)
    check_appends([StreamAppend("probe-1", [new], ANY)])
    return new


def refused(value: object, metadata: EventMetadata = METADATA) -> str:
    with pytest.raises(InvalidAppend) as caught:
        check(value, metadata)
    assert caught.value.__cause__ is None
    message = str(caught.value)
    before = "event 00000000-0000-0000-0000-000000000001: this Measured "
    assert message.startswith(before)
    return message.removeprefix(before)


def _filled(size: int, letter: str = "x") -> str:
    """Return a value with which the stored event has this many bytes, spaces included."""
    around = len('{"value": ""}') + len('{"correlation_id": "o-1"}')
    count, rest = divmod(size - around, len(letter.encode()))
    return letter * count + "x" * rest


@pytest.mark.parametrize("letter", ["x", "é", "語", "🧭"])
def test_an_event_has_at_most_a_million_bytes(letter: str) -> None:
    new = check(_filled(MAX_EVENT_BYTES, letter))
    assert len(f"{new.data_json}{new.metadata.json_text}".encode()) == 1_000_000 - 2
    assert refused(_filled(MAX_EVENT_BYTES + 1, letter)) == (
        "is stored as 1000001 bytes of JSON; 1000000 are allowed"
    )


def test_the_size_of_an_event_includes_its_metadata() -> None:
    metadata = EventMetadata(correlation_id="o-1", actor="x" * MAX_EVENT_BYTES)
    assert "1000000 are allowed" in refused("", metadata)


@pytest.mark.parametrize(
    "value",
    [
        "\0",
        "a\0b",
        {"deep": [{"down": "\0"}]},
        {"\0": "as a key"},
        BACKSLASH + "\0",
        BACKSLASH * 2 + "\0",
    ],
)
def test_a_nul_character_is_refused_at_any_place(value: object) -> None:
    assert refused(value) == "has a NUL character, which PostgreSQL's JSON cannot hold"


def test_a_nul_character_is_refused_in_the_metadata_too() -> None:
    assert "NUL" in refused("fine", EventMetadata(correlation_id="o-1", step="a\0"))


@pytest.mark.parametrize(
    "value", [BACKSLASH + "u0000", BACKSLASH * 2 + "u0000", "u0000", "\x01", "\x7f", "0"]
)
def test_an_escape_that_resembles_a_nul_character_is_accepted(value: str) -> None:
    assert json.loads(check(value).data_json) == {"value": value}


@given(st.text(st.sampled_from([BACKSLASH, "u", "0", "\0", '"', "x"]), max_size=12))
def test_a_text_is_refused_exactly_when_it_has_a_nul_character(text: str) -> None:
    if "\0" in text:
        refused(text)
    else:
        check(text)


@pytest.mark.parametrize(
    ("number", "name"),
    [(math.nan, "NaN"), (math.inf, "Infinity"), (-math.inf, "-Infinity")],
)
def test_a_number_that_json_lacks_is_refused(number: float, name: str) -> None:
    for value in (number, [1.5, {"deep": number}]):
        assert refused(value) == f"has the number {name}, which JSON cannot hold"


@pytest.mark.parametrize("value", ["NaN", "Infinity", {"NaN": ["-Infinity", 1.5]}])
def test_a_text_that_names_such_a_number_is_accepted(value: object) -> None:
    assert json.loads(check(value).data_json) == {"value": value}


@pytest.mark.parametrize("value", ["\ud800", object()])
def test_a_value_that_json_cannot_hold_is_refused_without_being_shown(value: object) -> None:
    assert refused(["Hidden", value]) == "has a value that JSON cannot hold"


def test_a_class_newer_than_the_registered_one_is_refused() -> None:
    new = NewEvent(UUID(int=1), MeasuredAnew(value=1), METADATA)
    with pytest.raises(InvalidAppend) as caught:
        check_appends([StreamAppend("probe-1", [new], ANY)])
    assert str(caught.value) == (
        "Measured of schema version 2 is newer than the 1 of domain/registry.py, and could not be "
        "read again"
    )


def test_an_event_is_serialised_once() -> None:
    new = check({"a": 1})
    assert new.data_json is new.data_json == '{"value":{"a":1}}'
    assert new.metadata.json_text is new.metadata.json_text == '{"correlation_id":"o-1"}'
