"""No event of the domain makes an inline projection fail, in whatever order the events come."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event import Event
from domain.note.events import OrderNoteAdded
from domain.registry import EVENT_TYPES
from projections.change import Change
from projections.columns import key_columns, stored_columns
from projections.projection import Projection
from projections.registry import INLINE
from projections.statements import statement
from tests.samples.examples import EXAMPLES, FORMS, SEALED
from tests.support.projections import Rows, stored_events

EVENTS: Final[Sequence[Event]] = [
    event.model_copy(update={"text": SEALED}) if isinstance(event, OrderNoteAdded) else event
    for event in EXAMPLES
]
STEPS: Final = [
    pytest.param(projection, event, id=f"{projection.name}-{type(event).__name__}")
    for projection in INLINE
    for event in [*EVENTS, *FORMS.values()]
    if type(event) in projection.events
]


def test_an_event_of_each_type_is_taken() -> None:
    assert {type(event).__name__ for event in EVENTS} == EVENT_TYPES.keys()


@pytest.mark.parametrize(("projection", "event"), STEPS)
def test_each_event_changes_rows_of_its_projection(projection: Projection, event: Event) -> None:
    (stored,) = stored_events([event])
    steps = projection.changes(stored)
    assert steps
    for step in steps:
        assert isinstance(step, Change)
        assert step.table in projection.tables
        assert len(step.key) == len(key_columns(step.table))
        assert step.values.keys() <= set(stored_columns(step.table)) - set(key_columns(step.table))
        sql, arguments = statement(step)
        assert f"readmodel.{step.table.name}" in sql
        assert f"${len(arguments)}" in sql
        assert f"${len(arguments) + 1}" not in sql


@settings(deadline=None, database=None)
@given(st.permutations(EVENTS), st.integers(1, len(EVENTS)))
def test_the_events_make_rows_in_any_order_from_empty_tables(
    events: Sequence[Event], count: int
) -> None:
    for projection in INLINE:
        rows = Rows(projection)
        for stored in stored_events(events[:count]):
            rows.take(stored)
        for table in projection.tables:
            for row in rows.of(table):
                assert row.keys() == set(stored_columns(table))
