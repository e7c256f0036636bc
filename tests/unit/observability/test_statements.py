"""The span of a statement is named by its verb and its first table."""

from __future__ import annotations

import pytest

from observability.tracing.statements import MAX_TEXT, described


@pytest.mark.parametrize(
    ("statement", "name", "text"),
    [
        (
            (
                "SELECT readmodel.order_view.status,\n (SELECT max(x) FROM readmodel.other)"
                " FROM readmodel.order_view WHERE order_id = $1"
            ),
            "SELECT readmodel.order_view",
            "SELECT ... FROM readmodel.order_view WHERE order_id = $1",
        ),
        (
            "  DELETE FROM journal.x WHERE id = $1",
            "DELETE journal.x",
            "DELETE FROM journal.x WHERE id = $1",
        ),
        ("SELECT 1", "SELECT", "SELECT 1"),
    ],
)
def test_a_name_has_no_columns_and_no_values(statement: str, name: str, text: str) -> None:
    assert described(statement) == (name, text)


def test_a_long_text_is_cut() -> None:
    assert len(described("SELECT " + "x, " * 1000)[1]) == MAX_TEXT
