"""Every event that a user's log may hold can be read, as long as these samples can.

A change to the fields of an event needs a higher `schema_version`, an upcaster and a run of
`python -m tests.samples.record`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from pydantic import BaseModel

from domain.event import OLDEST_SCHEMA_VERSION, Event
from domain.order.events import OrderReserved
from domain.registry import EVENT_TYPES
from eventstore.envelope import StoredEvent
from tests.samples.examples import EXAMPLES, FORMS
from tests.samples.files import FOLDER, SCHEMAS, Sample, digest, samples, schema_digests
from tests.samples.record import ADVICE, record

SAMPLES = samples()
VERSIONS = [
    (name, version)
    for name, event_type in EVENT_TYPES.items()
    for version in range(OLDEST_SCHEMA_VERSION, event_type.schema_version + 1)
]


def stored(sample: Sample) -> StoredEvent:
    return StoredEvent(
        position=1,
        stream_id="sample-1",
        version=1,
        event_id=UUID(int=1),
        type=sample.type,
        schema_version=sample.schema_version,
        data_json=sample.text,
        metadata_json='{"correlation_id": "sample-1"}',
        recorded_at=datetime(2026, 11, 23, tzinfo=UTC),
    )


@pytest.mark.parametrize(("name", "version"), VERSIONS)
def test_every_version_of_every_event_type_has_a_recorded_sample(name: str, version: int) -> None:
    assert (name, version, "") in {(s.type, s.schema_version, s.form) for s in SAMPLES}


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda s: f"{s.type}-{s.schema_version}{s.form}")
def test_every_recorded_sample_is_read_as_an_event_of_today(sample: Sample) -> None:
    event = stored(sample).decode()
    assert type(event) is EVENT_TYPES[sample.type]


@pytest.mark.parametrize("event", [*EXAMPLES, *FORMS.values()], ids=lambda e: type(e).__name__)
def test_a_sample_of_the_current_version_equals_its_example(event: Event) -> None:
    decoded = [stored(s).decode() for s in SAMPLES if s.type == type(event).__name__]
    assert event in decoded


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_the_fields_of_an_event_do_not_change_within_a_schema_version(name: str) -> None:
    event_type = EVENT_TYPES[name]
    assert schema_digests()[name][str(event_type.schema_version)] == digest(event_type), (
        ADVICE.format(name=name, version=event_type.schema_version)
    )


def test_every_older_version_and_no_other_has_an_upcaster() -> None:
    older = {(name, v) for name, v in VERSIONS if v < EVENT_TYPES[name].schema_version}
    assert {(name, v) for name, kind in EVENT_TYPES.items() for v in kind.upcasters} == older


def test_no_event_type_is_ever_taken_away() -> None:
    assert schema_digests().keys() == EVENT_TYPES.keys()


def test_a_missing_sample_is_recorded(tmp_path: Path) -> None:
    assert record(tmp_path) == []
    names = {path.name for path in tmp_path.iterdir()}
    assert names <= {path.name for path in FOLDER.iterdir()}
    assert len(names) == len(EVENT_TYPES) + len(FORMS) + 1
    assert schema_digests(tmp_path).keys() == EVENT_TYPES.keys()


def test_a_recorded_sample_is_never_overwritten(tmp_path: Path) -> None:
    record(tmp_path)
    sample = tmp_path / "OrderReserved.v1.json"
    sample.write_text("as it was")
    schemas = tmp_path / SCHEMAS
    schemas.write_text(schemas.read_text().replace(digest(OrderReserved), "as it was"))
    before = schemas.read_text()
    assert before.count("as it was") >= 1

    assert ADVICE.format(name="OrderReserved", version=1) in record(tmp_path)
    assert (sample.read_text(), schemas.read_text()) == ("as it was", before)


class _Described(Event):
    note: str
    """The note of the writer."""


class _Redescribed(Event):
    note: str
    """Another description of the same field."""


class _Widened(Event):
    note: str | None


class _Nested(BaseModel):
    title: str


class _Titled(Event):
    title: str
    nested: _Nested


class _Untitled(Event):
    nested: _Nested


def test_a_digest_covers_the_fields_and_not_their_descriptions() -> None:
    assert digest(_Described) == digest(_Redescribed)
    assert digest(_Described) != digest(_Widened)
    assert digest(_Titled) != digest(_Untitled)
