"""Continue the caller's trace in each request, or start a new trace."""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability.trace import HEADER, carrying, continued, valid
from observability.tracing import spans
from observability.tracing.spans import Span

_UNTRACED: Final = frozenset({"/healthz", "/readyz", "/metrics"})
"""A probe or a scrape every few seconds would be most of all traces."""
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER: Final = "_OTHER"
_FIRST_SERVER_ERROR: Final = 500


class Traced:
    """ASGI middleware for HTTP and WebSockets."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] not in _UNTRACED:
            await self._request(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._socket(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"] if scope["method"] in _METHODS else _OTHER
        with spans.request(method, Headers(scope=scope).get(HEADER)) as span:
            if span is None:
                await self._app(scope, receive, send)
                return

            async def noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _note(span, scope, method, message["status"])
                await send(message)

            await self._app(scope, receive, noting)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Begin a trace for each operation on the socket, while spans are recorded: it may be open
        for hours."""
        header = Headers(scope=scope).get(HEADER)
        with carrying(valid(header) if spans.is_on() else continued(header)):
            await self._app(scope, receive, send)


def _note(span: Span, scope: Scope, method: str, status: int) -> None:
    """Name the span by its route: a path may hold an id or a token."""
    route = getattr(scope.get("route"), "path", None)
    span.name = method if route is None else f"{method} {route}"
    span.attributes |= {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
    }
    span.is_error = status >= _FIRST_SERVER_ERROR
