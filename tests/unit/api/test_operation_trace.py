"""The span of an operation is named by the schema's words alone."""

from __future__ import annotations

import pytest
from graphql import get_operation_ast, parse

from api.operation_trace import name_of


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("{ order(id: 1) { id } }", "query order"),
        ("query Secret { mine: order(id: 1) { id } }", "query order"),
        ("mutation { placeOrder(input: {}) { order { id } } }", "mutation placeOrder"),
        ("subscription { orderUpdates { id } }", "subscription orderUpdates"),
        ("{ b: orders { id } a: orders { id } order { id } }", "query order orders"),
        ("{ e d c b a }", "query a b c +2"),
        ("{ ...F ... { b } } fragment F on Query { a }", "query a b"),
    ],
)
def test_a_name_is_the_type_and_the_root_fields_of_the_schema(text: str, name: str) -> None:
    document = parse(text)
    operation = get_operation_ast(document)
    assert operation is not None
    assert name_of(document, operation) == name
