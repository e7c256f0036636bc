from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.scalars import SCALARS, Position
from queries import cursor
from queries.cursor import BadCursor

POSITIONS = st.integers(0, 2**63 - 1)
POSITION = SCALARS[Position]


@given(POSITIONS, POSITIONS)
def test_positions_sort_as_text_the_way_they_do_as_numbers(one: int, other: int) -> None:
    assert POSITION.serialize is not None
    assert POSITION.parse_value is not None

    shown, other_shown = POSITION.serialize(one), POSITION.serialize(other)

    assert (shown < other_shown) == (one < other)
    assert POSITION.parse_value(shown) == one


@given(POSITIONS)
def test_a_cursor_leads_back_to_its_key(key: int) -> None:
    assert cursor.decode_int("order", cursor.encode("order", key)) == key


@given(st.text())
def test_a_text_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        cursor.decode_int("order", text)


def test_a_cursor_is_of_its_own_list_only() -> None:
    with pytest.raises(BadCursor):
        cursor.decode("product", cursor.encode("order", 7))
