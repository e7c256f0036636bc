"""Make one span for each GraphQL operation, named by its root fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from graphql import DocumentNode, OperationDefinitionNode, get_operation_ast
from strawberry.extensions import SchemaExtension

from api.root_fields import root_fields
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
    name = operation.name.value if operation.name is not None else None
    fields = sorted({field.name.value for field in root_fields(document, name)})
    more = f" +{len(fields) - MAX_NAMED}" if len(fields) > MAX_NAMED else ""
    return f"{operation.operation.value} {' '.join(fields[:MAX_NAMED])}{more}"
