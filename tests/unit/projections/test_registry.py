from __future__ import annotations

from domain.registry import EVENT_TYPES
from projections.registry import INLINE, PROJECTIONS


def test_every_event_but_the_erasure_changes_an_inline_read_model() -> None:
    changing = {name for projection in INLINE for name in projection.types}
    assert EVENT_TYPES.keys() - changing == {"CustomerErased"}


def test_no_two_projections_have_a_name_or_a_table_in_common() -> None:
    names = [projection.name for projection in PROJECTIONS]
    tables = [table.name for projection in PROJECTIONS for table in projection.tables]
    assert len(set(names)) == len(names)
    assert len(set(tables)) == len(tables)
