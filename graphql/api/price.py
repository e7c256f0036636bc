"""Estimate the price of an operation before it runs: the number of fields in its response.

Resolving one field takes about 9 µs of processor time and about 25 bytes of the response. The price
is an upper estimate for pages, whose size the client names, and for buckets of the analytics. It
is a guess for other lists. A personal field costs OPENING more, an order as it was earlier REPLAY,
a total count COUNTING, and the analytics of a range ANALYSING.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLNamedType,
    GraphQLOutputType,
    GraphQLSchema,
    OperationDefinitionNode,
    SelectionSetNode,
    Undefined,
    get_named_type,
    get_nullable_type,
    is_list_type,
    value_from_ast_untyped,
)
from graphql.utilities import get_operation_ast

from api.connections import DEFAULT_SIZE, MAX_SIZE
from queries.analytics_time import MAX_BUCKETS, SHORTEST, Grain

MAX_PRICE: Final = 20_000
ASSUMED_LENGTH: Final = 10
"""The length of a list without pages, such as the lines of an order or the steps of a saga."""

OPENING: Final = 10
"""The price of reading a sealed value and its key and of decrypting both: about 90 µs."""
SEALED: Final = frozenset(
    {("Order", "shippingAddress"), ("Order", "contact"), ("OrderNote", "text")}
)

REPLAY: Final = 100
"""The price of reading the safe head and the events of an order, and of folding them.

Folding takes about 13 µs for each event.
"""
PAST: Final = ("Query", "order")

COUNTING: Final = 500
"""The price of counting all rows that pass a filter, however few of them the page shows."""
COUNTED: Final = frozenset(
    {("OrderConnection", "totalCount"), ("DeadLetterConnection", "totalCount")}
)
ANALYSING: Final = 1_000
"""The price of reading the analytics: up to 50 ms of the database, and of no other process."""
ANALYTICS: Final = frozenset({("Query", "analytics"), ("AnalyticsTick", "analytics")})

PAGED: Final = frozenset({"edges", "overTime", "topProducts"})
"""The lists whose length is that of the page."""
CURRENCIES: Final = 3
LENGTHS: Final = {"totals": CURRENCIES, "figures": CURRENCIES, "funnel": 7, "sagas": 4}
"""The length of other lists that is known, or a better guess."""

_PAST_ARGUMENTS: Final = ("asOf", "at")
_PAGE_ARGUMENTS: Final = ("first", "last")


def price_of(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None,
    variables: Mapping[str, Any] | None,
) -> int:
    """Return the price of a document that has passed validation; 0 for an unknown operation."""
    operation = get_operation_ast(document, operation_name)
    if operation is None:
        return 0
    root = schema.get_root_type(operation.operation)
    assert root is not None  # noqa: S101 - validation has found the type of each operation
    return _Pricing(schema, document, operation, variables or {}).price(
        operation.selection_set, root, page=1
    )


class _Pricing:
    def __init__(
        self,
        schema: GraphQLSchema,
        document: DocumentNode,
        operation: OperationDefinitionNode,
        variables: Mapping[str, Any],
    ) -> None:
        self._schema = schema
        self._fragments = {
            definition.name.value: definition
            for definition in document.definitions
            if isinstance(definition, FragmentDefinitionNode)
        }
        defaults = {
            definition.variable.name.value: value_from_ast_untyped(definition.default_value)
            for definition in operation.variable_definitions or ()
            if definition.default_value is not None
        }
        self._variables = {**defaults, **variables}

    def price(self, selection_set: SelectionSetNode, parent: GraphQLNamedType, page: int) -> int:
        """Return the price of a selection. A list of edges in it holds at most `page` nodes."""
        total = 0
        for selection in selection_set.selections:
            if isinstance(selection, FieldNode):
                total += self._field(selection, parent, page)
            elif isinstance(selection, FragmentSpreadNode):
                fragment = self._fragments[selection.name.value]
                total += self._on_type(fragment, parent, page)
            else:
                total += self._on_type(selection, parent, page)
        return total

    def _on_type(self, fragment: Any, parent: GraphQLNamedType, page: int) -> int:  # noqa: ANN401 - either kind of fragment
        condition = fragment.type_condition
        on_type = self._schema.type_map[condition.name.value] if condition else parent
        return self.price(fragment.selection_set, on_type, page)

    def _field(self, field: FieldNode, parent: GraphQLNamedType, page: int) -> int:
        definition = getattr(parent, "fields", {}).get(field.name.value)
        if field.selection_set is None or definition is None:  # a leaf, or introspection
            return 1 + (COUNTING if (parent.name, field.name.value) in COUNTED else 0)
        if "first" in definition.args:
            page = self._page(field)
        elif "grain" in definition.args:
            page = self._buckets(field)
        inner = self.price(field.selection_set, get_named_type(definition.type), page)
        own = 1 + self._extra(field, parent)
        return own + _length(field, definition.type, page) * inner

    def _extra(self, field: FieldNode, parent: GraphQLNamedType) -> int:
        if (parent.name, field.name.value) in SEALED:
            return OPENING
        if (parent.name, field.name.value) == PAST and self._has_one_of(_PAST_ARGUMENTS, field):
            return REPLAY
        return ANALYSING if (parent.name, field.name.value) in ANALYTICS else 0

    def _has_one_of(self, names: Collection[str], field: FieldNode) -> bool:
        """Return whether the field has one of these arguments with a value."""
        given = (a for a in field.arguments or () if a.name.value in names)
        values = (value_from_ast_untyped(a.value, self._variables) for a in given)
        return any(value is not None and value is not Undefined for value in values)

    def _page(self, field: FieldNode) -> int:
        """Return the page size that this field requests, from 1 to MAX_SIZE."""
        for argument in field.arguments or ():
            if argument.name.value in _PAGE_ARGUMENTS:
                size = value_from_ast_untyped(argument.value, self._variables)
                if isinstance(size, int):
                    return min(max(size, 1), MAX_SIZE)
        return DEFAULT_SIZE

    def _buckets(self, field: FieldNode) -> int:
        """Return about how many buckets the range of the analytics has; 1 for a wrong range."""
        given = {
            a.name.value: value_from_ast_untyped(a.value, self._variables)
            for a in field.arguments or ()
        }
        try:
            start, end = (datetime.fromisoformat(str(given.get(name))) for name in ("from", "to"))
            grain = Grain(given.get("grain", Grain.DAY))
            return min(max((end - start) // SHORTEST[grain] + 2, 1), MAX_BUCKETS)
        except (ValueError, TypeError):
            return 1


def _length(field: FieldNode, output: GraphQLOutputType, page: int) -> int:
    if not is_list_type(get_nullable_type(output)):
        return 1
    name = field.name.value
    return page if name in PAGED else LENGTHS.get(name, ASSUMED_LENGTH)
