"""What one request may ask for at the most, and what is done once for equal requests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Final

from graphql import ASTValidationRule, GraphQLSyntaxError
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from strawberry.extensions import (
    AddValidationRules,
    DisableIntrospection,
    MaxAliasesLimiter,
    MaxTokensLimiter,
    ParserCache,
    QueryDepthLimiter,
    SchemaExtension,
    ValidationCache,
)

from api.errors import PresentErrors, RequestErrorCode, as_json
from api.idempotency import ReportReplays

MAX_BODY_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 12
MAX_ALIASES: Final = 30
MAX_TOKENS: Final = 2_000
CACHED_DOCUMENTS: Final = 500


def extensions(*, introspection: bool) -> list[Callable[[], SchemaExtension]]:
    """Made anew for each request, all but the rules: those are part of the cache's key."""
    rules: list[type[ASTValidationRule]] = [
        *QueryDepthLimiter(max_depth=MAX_DEPTH).validation_rules,
        *MaxAliasesLimiter(max_alias_count=MAX_ALIASES).validation_rules,
        *([] if introspection else DisableIntrospection().validation_rules),
    ]
    return [
        partial(MaxTokensLimiter, MAX_TOKENS),
        partial(AddValidationRules, rules),
        partial(SoundParserCache, CACHED_DOCUMENTS),
        partial(ValidationCache, CACHED_DOCUMENTS),
        ReportReplays,
        PresentErrors,
    ]


class SoundParserCache(ParserCache):
    """Strawberry's, but a syntax error is left to be reported where all others are.

    Raised in here it would pass by the other extensions, and end a socket's operation unsaid.
    """

    def on_parse(self) -> Iterator[None]:
        context = self.execution_context
        with suppress(GraphQLSyntaxError):
            context.graphql_document = self.cached_parse_document(
                context.query, **context.parse_options
            )
        yield


class BodyLimit:
    """ASGI middleware: HTTP 413 for a body over the limit, whether it says so or just is.

    The body is read whole before the app is called: no route of ours streams one.
    """

    def __init__(self, app: ASGIApp, limit: int = MAX_BODY_BYTES) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        body = await self._read(scope, receive)
        if body is None:
            return await _too_large(self.limit)(scope, receive, send)
        messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        return await self.app(scope, replay, send)

    async def _read(self, scope: Scope, receive: Receive) -> bytes | None:
        """The body, or None when it is over the limit."""
        if _declared_length(scope) > self.limit:
            return None
        body = bytearray()
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self.limit:
                return None
            more = message.get("more_body", False)
        return bytes(body)


def _declared_length(scope: Scope) -> int:
    declared = dict(scope["headers"]).get(b"content-length", b"")
    return int(declared) if declared.isdigit() else 0


def _too_large(limit: int) -> JSONResponse:
    message = f"the body is larger than {limit} bytes: send less"
    return JSONResponse(as_json(RequestErrorCode.PAYLOAD_TOO_LARGE, message), status_code=413)
