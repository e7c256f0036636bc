"""Make one span for each GraphQL operation, named by its root fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_operation_ast,
)
from strawberry.extensions import SchemaExtension

from observability import trace
from observability.tracing import spans

MAX_NAMED: Final = 3
"""The root fields that a name shows: a document may select any set of them."""


class OperationTrace(SchemaExtension):
    """Runs after the validation, so that each name is one of the schema's."""

    def on_execute(self) -> Iterator[None]:
        if not spans.is_on():
            yield
            return
        document = self.execution_context.graphql_document
        assert document is not None  # noqa: S101 - execution follows validation
        operation = get_operation_ast(document, self.execution_context.operation_name)
        name = "operation" if operation is None else name_of(document, operation)
        # An operation on a socket has no request around it.
        began = spans.span(name) if trace.current() else spans.request(name, None)
        with began:
            yield


def name_of(document: DocumentNode, operation: OperationDefinitionNode) -> str:
    """Return the type of the operation and its root fields, without a word of the client."""
    fragments = {
        part.name.value: part.selection_set
        for part in document.definitions
        if isinstance(part, FragmentDefinitionNode)
    }
    fields = sorted(set(_fields(operation.selection_set, fragments)))
    more = f" +{len(fields) - MAX_NAMED}" if len(fields) > MAX_NAMED else ""
    return f"{operation.operation.value} {' '.join(fields[:MAX_NAMED])}{more}"


def _fields(selected: SelectionSetNode, fragments: dict[str, SelectionSetNode]) -> Iterator[str]:
    for selection in selected.selections:
        match selection:
            case FieldNode():
                yield selection.name.value
            case InlineFragmentNode():
                yield from _fields(selection.selection_set, fragments)
            case FragmentSpreadNode():
                yield from _fields(fragments[selection.name.value], fragments)
