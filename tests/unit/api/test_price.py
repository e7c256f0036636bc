from __future__ import annotations

import pytest
from graphql import get_introspection_query, parse

from api.limits import faults_of
from api.price import ANALYSING, REPLAY, price_of
from tests.unit.api.schemas import a_schema

SCHEMA = a_schema(introspection=True)._schema


def price(text: str, name: str | None = None, **variables: object) -> int:
    document = parse(text)
    assert faults_of(SCHEMA, document, introspection=True) == ()
    return price_of(SCHEMA, document, name, variables)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ __typename }", 1),
        ('{ order(id: "x") { id status } }', 3),
        ('{ order(id: "x") { lines { sku } } }', 1 + 1 + 10 * 1),
        ("{ orders { edges { node { id } } } }", 1 + 1 + 20 * 2),
        ("{ orders(first: 3) { totalCount edges { cursor } } }", 1 + (1 + 500) + 1 + 3),
        ("{ deadLetters(first: 3) { totalCount edges { cursor } } }", 1 + (1 + 500) + 1 + 3),
        ("{ orders(first: 3) { edges { node { id } } } }", 1 + 1 + 3 * 2),
        ("{ orders(last: 3) { edges { cursor node { id } } } }", 1 + 1 + 3 * 3),
        ("{ orders(first: 3) { ...C } } fragment C on OrderConnection { edges { cursor } }", 5),
        ("{ orders(first: 3) { ... on OrderConnection { edges { cursor } } } }", 5),
        ("{ orders(first: 3) { ... { edges { cursor } } } }", 5),
        ("{ a: orders(first: 3) { edges { cursor } } b: __typename }", 6),
        ('{ order(id: "x") { contact { email } } }', 1 + 1 + 10 + 1),
        ("{ orders(first: 3) { edges { node { a: shippingAddress { name } } } } }", 2 + 3 * 13),
    ],
)
def test_a_price_counts_the_fields_that_an_answer_may_hold(text: str, expected: int) -> None:
    assert price(text) == expected


def test_an_order_as_it_was_costs_the_reading_of_its_events() -> None:
    text = """query($then: Position, $at: DateTime) {
      order(id: "x", asOf: $then, at: $at) { id status }
    }"""

    assert price(text) == price(text, then=None) == 3
    assert price(text, then="a position") == price(text, at="a time") == 3 + REPLAY
    assert price('{ order(id: "x", at: "2026-01-01T00:00:00Z") { id } }') == 2 + REPLAY


YEAR = 'analytics(from: "2025-01-01T00:00:00Z", to: "2026-01-01T00:00:00Z"'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{{ {YEAR}) {{ timeZone }} }}", 1),
        (f"{{ {YEAR}) {{ totals {{ orders }} }} }}", 1 + 3),
        (f"{{ {YEAR}) {{ overTime {{ to }} }} }}", 1 + 367),
        (f"{{ {YEAR}, grain: MONTH) {{ overTime {{ figures {{ orders }} }} }} }}", 1 + 15 * 4),
        (f"{{ {YEAR}, grain: HOUR) {{ overTime {{ to }} }} }}", 1 + 1_000),
        (f"{{ {YEAR}) {{ topProducts(first: 5) {{ sku }} }} }}", 1 + 5),
        (f"{{ {YEAR.replace('2025', '2027')}) {{ overTime {{ to }} }} }}", 1 + 1),
    ],
)
def test_the_analytics_cost_their_reading_and_their_buckets(text: str, expected: int) -> None:
    assert price(text) == 1 + ANALYSING + expected


def test_a_tick_costs_the_reading_of_its_analytics() -> None:
    tick = f"subscription {{ analytics {{ {YEAR}) {{ timeZone }} }} }}"

    assert price(tick) == 1 + 1 + ANALYSING + 1


@pytest.mark.parametrize(("first", "nodes"), [(7, 7), (-1, 1), (0, 1), (5_000, 100), (None, 20)])
def test_a_variable_sets_the_size_of_a_page_within_what_a_page_may_have(
    first: int | None, nodes: int
) -> None:
    text = "query($n: Int) { orders(first: $n) { edges { cursor } } }"

    assert price(text, n=first) == 2 + nodes


def test_a_variable_that_is_not_given_has_its_default() -> None:
    text = "query($n: Int = 4) { orders(first: $n) { edges { cursor } } }"

    assert price(text) == 2 + 4
    assert price(text, n=5) == 2 + 5


def test_only_the_operation_that_runs_is_priced() -> None:
    text = "query A { __typename } query B { products(first: 9) { edges { cursor } } }"

    assert price(text, "A") == 1
    assert price(text, "B") == 11


def test_introspection_is_within_the_price() -> None:
    assert price(get_introspection_query()) < 100
