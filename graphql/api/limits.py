"""Limit the size and cost of a request, and cache the parsing and validation of documents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, Final

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    GraphQLSyntaxError,
    NoSchemaIntrospectionCustomRule,
    parse,
    specified_rules,
    validate,
)
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from strawberry.extensions import SchemaExtension
from strawberry.schema.validation_rules.maybe_null import MaybeNullValidationRule
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule
from strawberry.types.graphql import OperationType

from api.document_limits import MAX_TOKENS, DocumentTooLarge, check_document
from api.errors import (
    PresentErrors,
    RequestError,
    RequestErrorCode,
    as_json,
    bad_input,
    outcome_unknown,
)
from api.idempotency import ReportReplays
from api.metered import Metered
from api.operation_trace import OperationTrace
from api.price import MAX_PRICE, price_of

MAX_BODY_BYTES: Final = 256 * 1024
MAX_VALIDATION_ERRORS: Final = 10
"""Formatting an error with its suggestions takes longer than finding it."""
ANSWER_TIMEOUT_SECONDS: Final = 20.0
"""The limit is longer than the time for which the orchestrator waits for a worker."""
CACHED_DOCUMENTS: Final = 100
MAX_CACHED_CHARACTERS: Final = 1_500
"""A parsed document needs up to 300 bytes for each character of its text."""

RULES: Final = (*specified_rules, MaybeNullValidationRule, OneOfInputValidationRule)


def extensions(*, introspection: bool) -> list[Callable[[], SchemaExtension]]:
    """Return the factories of the extensions. Strawberry calls them for each request."""
    return [
        Metered,
        OperationTrace,
        DocumentCache,
        partial(Validation, introspection),
        AnswerTimeout,
        ReportReplays,
        partial(PresentErrors, introspection=introspection),
    ]


class DocumentCache(SchemaExtension):
    """Parses each short document once.

    It suppresses a syntax error, because Strawberry parses the document again and reports the error
    with all others. An error raised here would bypass the other extensions and end a socket's
    operation without a message.
    """

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        context.parse_options["max_tokens"] = MAX_TOKENS
        if context.query is not None and len(context.query) <= MAX_CACHED_CHARACTERS:
            with suppress(GraphQLSyntaxError):
                context.graphql_document = _parsed(context.query)
        yield


class Validation(SchemaExtension):
    """Checks the document's bounds, then GraphQL's rules, then the operation's price."""

    def __init__(self, introspection: bool) -> None:
        super().__init__()
        self._introspection = introspection
        self._price: int | None = None

    def on_validate(self) -> Iterator[None]:
        self.execution_context.pre_execution_errors = [*self._errors()]
        yield

    def get_results(self) -> dict[str, Any]:
        return {} if self._price is None else {"price": self._price}

    def _errors(self) -> Iterator[GraphQLError]:
        context = self.execution_context
        document, schema = context.graphql_document, context.schema._schema
        assert document is not None  # noqa: S101 - validation follows parsing
        is_short = len(context.query or "") <= MAX_CACHED_CHARACTERS
        faults = (cached_faults_of if is_short else faults_of)(
            schema, document, self._introspection
        )
        yield from faults
        if not faults:
            self._price = price_of(schema, document, context.operation_name, context.variables)
            if self._price > MAX_PRICE:
                yield _too_dear(self._price)


class AnswerTimeout(SchemaExtension):
    """Limits asynchronous work. The document's limits and price bound the synchronous work."""

    async def on_execute(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_SECONDS):
                yield
        except TimeoutError as late:
            if self.execution_context.operation_type is OperationType.MUTATION:
                raise outcome_unknown(late) from None
            message = f"there was no answer within {ANSWER_TIMEOUT_SECONDS:g} s: try again"
            raise RequestError(RequestErrorCode.UNAVAILABLE, message) from None


@lru_cache(CACHED_DOCUMENTS)
def _parsed(query: str) -> DocumentNode:
    return parse(query, max_tokens=MAX_TOKENS)


def faults_of(
    schema: GraphQLSchema, document: DocumentNode, introspection: bool
) -> tuple[GraphQLError, ...]:
    try:
        check_document(document)
    except DocumentTooLarge as fault:
        return (fault,)
    rules = RULES if introspection else (*RULES, NoSchemaIntrospectionCustomRule)
    return tuple(
        validate(schema, document, rules, MAX_VALIDATION_ERRORS, hide_suggestions=not introspection)
    )


cached_faults_of = lru_cache(CACHED_DOCUMENTS)(faults_of)


def _too_dear(price: int) -> RequestError:
    return bad_input(
        f"the answer may hold {price} fields; {MAX_PRICE} are allowed: ask for smaller pages"
    )


_ENCODED: Final = JSONResponse(
    as_json(RequestErrorCode.BAD_USER_INPUT, "send the body without a Content-Encoding"),
    status_code=415,
)


class BodyLimit:
    """ASGI middleware that answers HTTP 413 if the declared or the actual body exceeds the limit.

    It reads the whole body before it calls the application, because no route streams a body.
    """

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY_BYTES) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if _encoding(scope) not in {b"", b"identity"}:
            return await _ENCODED(scope, receive, send)
        try:
            body = await self._read(scope, receive)
        except ClientDisconnect:
            return None  # the client has gone, so no response can reach it
        if body is None:
            return await _too_large(self.limit)(scope, receive, send)
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        return await self.app(scope, replay, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """Return the body, or None if it exceeds the limit."""
        if _declared_length(scope) > self.limit:
            return None
        body = bytearray()
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body += message.get("body", b"")
            if len(body) > self.limit:
                return None
            more = message.get("more_body", False)
        return bytes(body)


def _encoding(scope: Scope) -> bytes:
    encoding: bytes = dict(scope["headers"]).get(b"content-encoding", b"")
    return encoding.strip().lower()


def _declared_length(scope: Scope) -> int:
    declared = dict(scope["headers"]).get(b"content-length", b"")
    return int(declared) if declared.isdigit() else 0


def _too_large(limit: int) -> JSONResponse:
    message = f"the body is larger than {limit} bytes: send less"
    return JSONResponse(as_json(RequestErrorCode.PAYLOAD_TOO_LARGE, message), status_code=413)
