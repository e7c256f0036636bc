"""Serve one socket by graphql-transport-ws, and close it when its token expires.

The protocol: https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. The handler extends
Strawberry's and corrects it where it departs from the protocol.
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
    SubscribeMessage,
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
"""After this code, clients such as npm graphql-ws reconnect with a new token. 4401 is fatal."""
TOO_MANY: Final = 4429
MAX_REASON_BYTES: Final = 123
"""The size of a close frame's reason (RFC 6455, section 5.5)."""
MAX_SLEEP_SECONDS: Final = 60.0
"""The interval at which the token's expiry is checked, because the system clock may be set."""


class SocketAdapter(ASGIWebSocketAdapter):
    """Treats a closed socket as disconnected, and shortens the reason of a close frame."""

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
        """Refuse an operation over the rate; close the socket for other messages over the rate."""
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

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        if self._is_full and message["id"] not in self.operations:
            error = rate_limited(f"{len(self.operations)} operations run on this socket: end one")
            await self.send_message(
                {"id": message["id"], "type": "error", "payload": [error.formatted]}
            )
        else:
            await super().handle_subscribe(message)

    @property
    def _is_full(self) -> bool:
        most = self.max_subscriptions_per_connection
        return self.connection_acknowledged and most is not None and len(self.operations) >= most

    async def run_operation(self, operation: Operation[Context, None]) -> None:
        """Run the operation. Report any failure as its error instead of a silent `complete`."""
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
        return None  # an error ends its operation, not the socket

    async def _close_at_expiry(self) -> None:
        while (left := self._seconds_left()) > 0:  # noqa: ASYNC110 - the clock has no event
            await asyncio.sleep(min(left, MAX_SLEEP_SECONDS))
        with suppress(WebSocketDisconnected):
            await self._close_expired()

    async def _close_expired(self) -> None:
        await self.websocket.close(FORBIDDEN, "token expired")

    def _seconds_left(self) -> float:
        return self.context.viewer.expires_at + LEEWAY_SECONDS - time.time()
