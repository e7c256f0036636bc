"""Build documents that ask for one field, from the schema."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, Final

from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from api.access import RULES, Rule, fields_of
from tests.unit.api.schemas import a_schema

SCHEMA: Final = a_schema()._schema
FIELDS: Final = [(type_name, name) for type_name, name, _ in fields_of(SCHEMA)]
WEBHOOK_ID: Final = "0e5d2c4a-8f6b-4a39-9d2e-3c1f7b6a5d48"
SUPPRESSED: Final = "suppressed@byron.example.org"
ARGUMENTS: Final = {
    "webhook": f'(id: "{WEBHOOK_ID}")',
    "webhooks": "(first: 100)",
    "attempts": "(first: 100)",
    "order": "(id: $id)",
    "orders": "(first: 100)",
    "saga": "(orderId: $id)",
    "explain": "(orderId: $id)",
    "parkedSagas": "(first: 100)",
    "product": '(sku: "mug")',
    "products": "(first: 100)",
    "priceHistory": "(first: 100)",
    "stock": '(sku: "mug")',
    "stocks": "(first: 100)",
    "history": "(first: 100)",
    "productHistory": '(sku: "mug")',
    "events": "(first: 100)",
    "deadLetters": "(first: 100)",
    "notificationPreferences": "(customerId: $customer)",
    "emailSuppression": f'(email: "{SUPPRESSED}")',
    "analytics": '(from: "2026-01-01T00:00:00Z", to: "2099-01-01T00:00:00Z", grain: YEAR)',
}
Path = tuple[tuple[str, str], ...]
"""The fields that lead to a value, each with the name of its type."""


def paths() -> dict[tuple[str, str], Path]:
    """Return the shortest path from Query to each field that a query can reach."""
    found: dict[tuple[str, str], Path] = {}
    waiting: deque[tuple[GraphQLObjectType, Path]] = deque([(_type("Query"), ())])
    seen = {"Query"}
    while waiting:
        type_, path = waiting.popleft()
        for name, field in type_.fields.items():
            found[type_.name, name] = here = (*path, (type_.name, name))
            inner = get_named_type(field.type)
            if isinstance(inner, GraphQLObjectType) and inner.name not in seen:
                seen.add(inner.name)
                waiting.append((inner, here))
    return found


def document(path: Path) -> str:
    """Return a query for the path's last field.

    If it is an object, the query asks for its type name.
    """
    *_, (type_name, name) = path
    is_leaf = is_leaf_type(get_named_type(_type(type_name).fields[name].type))
    text = "" if is_leaf else "{ __typename }"
    for parent, field in reversed(path):
        given = ARGUMENTS.get(field, "") if _type(parent).fields[field].args else ""
        text = f"{{ {field}{given} {text} }}"
    variables = ", ".join(f"{name}: ID!" for name in ("$id", "$customer") if name in text)
    return f"query({variables}) {text}" if variables else f"query {text}"


def rules_on(path: Path) -> list[Rule]:
    return [RULES[type_name][name] for type_name, name in path]


def values_at(data: Any, path: Path) -> Iterator[object]:  # noqa: ANN401 - JSON
    """Yield the values at the end of the path in an answer, except null."""
    if data is None:
        return
    if isinstance(data, list):
        for item in data:
            yield from values_at(item, path)
    elif path:
        yield from values_at(data[path[0][1]], path[1:])
    else:
        yield data


def _type(name: str) -> GraphQLObjectType:
    type_ = SCHEMA.type_map[name]
    assert isinstance(type_, GraphQLObjectType)
    return type_
