from __future__ import annotations

import pytest
from graphql import GraphQLError
from hypothesis import given
from hypothesis import strategies as st

from api.scalars import Position, scalars
from queries import cursor
from queries.cursor import BadCursor
from tests.unit.api.schemas import POSITIONS

POSITION = scalars(POSITIONS)[Position]


@given(st.integers(0, 2**63 - 1))
def test_a_position_leads_back_to_its_number(position: int) -> None:
    assert POSITION.serialize is not None
    assert POSITION.parse_value is not None

    assert POSITION.parse_value(POSITION.serialize(position)) == position


@pytest.mark.parametrize("value", ["761", 761, None, True, "", [POSITIONS.seal(761)], b"761"])
def test_a_value_that_is_no_position_is_refused(value: object) -> None:
    assert POSITION.parse_value is not None

    with pytest.raises(GraphQLError, match="this is no position of the log"):
        POSITION.parse_value(value)


@given(st.text(min_size=1))
def test_a_cursor_leads_back_to_its_key(key: str) -> None:
    assert cursor.decode("product", cursor.encode("product", key)) == key


@given(st.text())
def test_a_text_that_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        cursor.decode("product", text)


def test_a_cursor_of_another_list_is_no_cursor() -> None:
    with pytest.raises(BadCursor):
        cursor.decode("product", cursor.encode("shelf", "7"))
