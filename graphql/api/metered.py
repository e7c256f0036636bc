"""Measure every request: an operation of GraphQL by its field, and a request by its route.

No label holds what a client has chosen. A field that the schema does not have is `invalid`, and a
path without a route is `none`.
"""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter
from typing import Final

from graphql import FieldNode
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from strawberry.extensions import SchemaExtension
from strawberry.types import ExecutionContext
from strawberry.types.graphql import OperationType

from api.errors import RequestErrorCode
from api.root_fields import root_fields
from observability.work import GRAPHQL_SECONDS, HTTP_SECONDS

INVALID: Final = "invalid"
SEVERAL: Final = "several"
INTROSPECTION: Final = "introspection"
NO_ROUTE: Final = "none"

FAULTS: Final = frozenset(
    {
        RequestErrorCode.INTERNAL,
        RequestErrorCode.OUTCOME_UNKNOWN,
        RequestErrorCode.UNAVAILABLE,
        RequestErrorCode.PERSONAL_DATA_UNREADABLE,
    }
)
"""The codes of errors that are ours. Any other one is a refusal: the client can avoid it."""

OUTCOMES: Final = ("ok", "refused", "failed")

for _outcome_of_placing in OUTCOMES:  # an alert counts the first failure too
    GRAPHQL_SECONDS.labels("placeOrder", _outcome_of_placing)


class Metered(SchemaExtension):
    """Measures queries and mutations. A subscription lasts as long as its client wishes."""

    def on_operation(self) -> Iterator[None]:
        began = perf_counter()
        yield
        context = self.execution_context
        fields = _fields_of(context)
        if not (fields and context.operation_type is OperationType.SUBSCRIPTION):
            seconds = GRAPHQL_SECONDS.labels(_named(context, fields), _outcome(context, fields))
            seconds.observe(perf_counter() - began)


def _fields_of(context: ExecutionContext) -> list[FieldNode]:
    """Return the root fields of a valid document; none if it is not valid."""
    if context.graphql_document is None or context.pre_execution_errors:
        return []
    return root_fields(context.graphql_document, context.operation_name)


def _named(context: ExecutionContext, fields: list[FieldNode]) -> str:
    names = {field.name.value for field in fields}
    if len(names) != 1:
        return SEVERAL if names else INVALID
    (name,) = names
    if name.startswith("__"):
        return INTROSPECTION
    schema = context.schema._schema
    types = (schema.query_type, schema.mutation_type)
    return name if any(type_ and name in type_.fields for type_ in types) else INVALID


def _outcome(context: ExecutionContext, fields: list[FieldNode]) -> str:
    result = context.result
    if result is None:
        return "refused" if context.pre_execution_errors else "failed"
    errors = getattr(result, "errors", None) or ()
    if any((error.extensions or {}).get("code") in FAULTS for error in errors):
        return "failed"
    return "refused" if errors or _has_user_errors(result, fields) else "ok"


def _has_user_errors(result: object, fields: list[FieldNode]) -> bool:
    """Return whether a mutation has refused. A client that does not ask for that sees a null."""
    data = getattr(result, "data", None) or {}
    payloads = (data.get((field.alias or field.name).value) for field in fields)
    return any(isinstance(payload, dict) and payload.get("userErrors") for payload in payloads)


class MeteredRequests:
    """ASGI middleware. It must be outside of every other one that answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = perf_counter(), 500

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            seconds = HTTP_SECONDS.labels(route_of(scope), f"{status // 100}xx")
            seconds.observe(perf_counter() - began)


def route_of(scope: Scope) -> str:
    """Return the path of the route that has served the request; a mount serves what is below."""
    route = scope.get("route")
    path = getattr(route, "path", None)
    return path if isinstance(path, str) and path else NO_ROUTE
