"""One socket that speaks graphql-transport-ws, and is held to its protocol and to its token.

https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. Strawberry's handler, mended where
it departs from that page, and closed when the token that opened it expires.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, cast

from graphql import GraphQLError
from starlette.websockets import WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import (
    CompleteMessage,
    ConnectionInitMessage,
    Message,
    NextMessage,
)
from strawberry.utils.aio import aclosing

from api.auth import LEEWAY_SECONDS
from api.context import Context
from api.errors import present, rate_limited
from api.fanout import text_of
from api.frames import is_frame
from api.rate_limit import TooManyRequests

log = logging.getLogger(__name__)

FORBIDDEN: Final = 4403
"""Clients such as npm graphql-ws connect again after it, with a new token; 4401 is fatal."""
TOO_MANY: Final = 4429
MAX_REASON_BYTES: Final = 123
"""RFC 6455, section 5.5: what a close frame has room for."""
MAX_SLEEP_SECONDS: Final = 60.0
"""The clock of the token is looked at this often, since it may be set."""


class SocketAdapter(ASGIWebSocketAdapter):
    """Treats a socket that has been closed as disconnected, and keeps a close frame to its size."""

    async def send_json(self, message: Mapping[str, object]) -> None:
        if self.ws.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnected
        if message["type"] != "next":
            await super().send_json(message)
            return
        try:
            await self.ws.send_text(text_of(cast("NextMessage", message)))
        except WebSocketDisconnect:
            raise WebSocketDisconnected from None

    async def close(self, code: int, reason: str) -> None:
        if self.ws.application_state is WebSocketState.CONNECTED:
            short = reason.encode()[:MAX_REASON_BYTES].decode(errors="ignore")
            await super().close(code, short)


class SocketHandler(BaseGraphQLTransportWSHandler[Context, None]):
    expiry: asyncio.Task[None] | None = None

    async def handle_message(self, message: Message) -> None:
        if not is_frame(message):
            await self.handle_invalid_message("Invalid message")
        elif self.connection_acknowledged and self._seconds_left() <= 0:
            await self._close_expired()
        elif await self._is_within_its_rate(message):
            await super().handle_message(message)

    async def handle_connection_init(self, message: ConnectionInitMessage) -> None:
        if message.get("payload", {}) is None:
            message = {"type": "connection_init"}
        await super().handle_connection_init(message)
        if self.connection_acknowledged:
            self.expiry = asyncio.create_task(self._close_at_expiry())

    async def _is_within_its_rate(self, message: Message) -> bool:
        """An operation too many is refused; a client that floods otherwise is cut off."""
        try:
            self.context.count_request()
        except TooManyRequests as refusal:
            if message["type"] != "subscribe" or not self.connection_acknowledged:
                await self.websocket.close(TOO_MANY, str(refusal))
            else:
                error = rate_limited(str(refusal)).formatted
                await self.send_message({"id": message["id"], "type": "error", "payload": [error]})
            return False
        return True

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Whatever fails is an error of the operation: never a silent `complete`."""
        with suppress(WebSocketDisconnected):
            try:
                await self._answer(operation)
            except WebSocketDisconnected:
                raise
            except Exception as error:  # noqa: BLE001 - presented, and logged without values
                failure = present(GraphQLError("failed", original_error=error))
                await operation.send_initial_errors([failure])

    async def _answer(self, operation: Operation[Context, None]) -> None:
        results = await self.schema.stream(
            operation.query,
            variable_values=operation.variables,
            context_value=self.context,
            root_value=self.root_value,
            operation_name=operation.operation_name,
        )
        async with aclosing(results):
            await self._send_result_stream(operation, results)
        complete: CompleteMessage = {"id": operation.id, "type": "complete"}
        await operation.send_operation_message(complete)

    async def shutdown(self) -> None:
        if self.expiry is not None:
            self.expiry.cancel()
        await super().shutdown()

    async def handle_task_exception(self, error: Exception) -> None:
        log.error("a socket's task failed: %s", type(error).__name__)

    @staticmethod
    def _get_pre_execution_close_reason(_: GraphQLError) -> str | None:
        return None  # a fault in one operation ends that operation, not the socket

    async def _close_at_expiry(self) -> None:
        while (left := self._seconds_left()) > 0:  # noqa: ASYNC110 - only the clock tells
            await asyncio.sleep(min(left, MAX_SLEEP_SECONDS))
        with suppress(WebSocketDisconnected):
            await self._close_expired()

    async def _close_expired(self) -> None:
        await self.websocket.close(FORBIDDEN, "token expired")

    def _seconds_left(self) -> float:
        return self.context.viewer.expires_at + LEEWAY_SECONDS - time.time()
