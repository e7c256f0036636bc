"""Continue the caller's trace in each request, or start a new trace."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from observability.trace import HEADER, carrying, continued


class Traced:
    """ASGI middleware for HTTP and WebSockets."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        with carrying(continued(Headers(scope=scope).get(HEADER))):
            await self._app(scope, receive, send)
