"""Stop the API without a failed request: leave the load balancer first, and the port last.

After SIGTERM, `/readyz` answers 503, so that a load balancer sends its requests elsewhere. For the
drain, the process serves what still arrives, and each response closes its connection. Only then the
port closes, and the sockets of subscriptions close with the code 1012. Such a client connects
again, to another process, and resumes after its last position.
"""

from __future__ import annotations

import logging
import signal
import time
from datetime import timedelta
from types import FrameType
from typing import Final

import uvicorn
from fastapi import FastAPI
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from observability.check import Check

CHECK: Final = "stopping"

logger = logging.getLogger(__name__)


async def _is_stopping() -> str:
    return "the process is about to end: it serves its last requests"


class ClosesConnections:
    """Close the connection of each response, once the state's `is_stopping` is set."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope["app"].state

        async def closing(message: Message) -> None:
            if state.is_stopping and message["type"] == "http.response.start":
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        await self._app(scope, receive, closing)


class DrainingServer(uvicorn.Server):
    """Drain after the first SIGTERM. A second one, or SIGINT, ends the drain."""

    def __init__(self, config: uvicorn.Config, app: FastAPI, drain: timedelta) -> None:
        super().__init__(config)
        self._state, self._drain = app.state, drain
        self._ends_at: float | None = None

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        if sig == signal.SIGTERM and self.started and self._ends_at is None:
            self._begin()
        else:
            super().handle_exit(sig, frame)

    async def on_tick(self, counter: int) -> bool:
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            super().handle_exit(signal.SIGTERM, None)
        return await super().on_tick(counter)

    def _begin(self) -> None:
        logger.info("stopping: serving the last requests for %g s", self._drain.total_seconds())
        self._ends_at = time.monotonic() + self._drain.total_seconds()
        self._state.is_stopping = True
        self._state.checks[CHECK] = Check(_is_stopping, required=True)
