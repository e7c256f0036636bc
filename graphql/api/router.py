"""Serve `/graphql`: GraphQL over HTTP, and over WebSocket as graphql-transport-ws."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from json import JSONDecodeError
from typing import Any, Final

from cross_web import AsyncHTTPRequestAdapter, HTTPException
from pydantic_core import from_json
from starlette.responses import JSONResponse
from strawberry.exceptions import ConnectionRejectionError
from strawberry.fastapi import GraphQLRouter
from strawberry.http import GraphQLRequestData
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types.unset import UNSET, UnsetType

from api.auth import Authenticator, Unauthenticated
from api.context import Context, authenticated_context
from api.errors import RequestErrorCode, as_json
from api.schema import Schema
from api.socket import SocketAdapter, SocketHandler

SIGN_IN_TIMEOUT: Final = timedelta(seconds=10)
"""The longest time from a socket's handshake to its `connection_init`."""
MAX_SUBSCRIPTIONS: Final = 100
"""The number of operations that may run on one socket at a time."""

_ACKNOWLEDGED: Final[UnsetType] = UNSET


class Router(GraphQLRouter[Context, None]):
    graphql_transport_ws_handler_class = SocketHandler
    websocket_adapter_class = SocketAdapter

    def __init__(self, schema: Schema, authenticator: Authenticator) -> None:
        super().__init__(
            schema,
            path="/graphql",
            graphql_ide=None,
            context_getter=authenticated_context,
            subscription_protocols=[GRAPHQL_TRANSPORT_WS_PROTOCOL],
            connection_init_wait_timeout=SIGN_IN_TIMEOUT,
            max_subscriptions_per_connection=MAX_SUBSCRIPTIONS,
        )
        self._authenticator = authenticator

    async def on_ws_connect(self, context: Context) -> UnsetType | dict[str, object] | None:
        """Authenticate by the `authorization` of the first message or of the handshake."""
        params: Mapping[str, Any] = context.connection_params or {}
        header = params.get("authorization", params.get("Authorization"))
        try:
            if isinstance(header, str):
                context.signed_in(self._authenticator.viewer(header))
            context.require_viewer()
        except Unauthenticated:
            raise ConnectionRejectionError from None
        return _ACKNOWLEDGED

    def decode_json(self, data: str | bytes) -> object:
        """Parse strict JSON in UTF-8 without deep nesting. Raises JSONDecodeError."""
        try:
            return from_json(data, allow_inf_nan=False)
        except ValueError:  # its cause may quote a customer's input
            raise JSONDecodeError("malformed JSON", "", 0) from None

    async def parse_http_body(
        self, request: AsyncHTTPRequestAdapter
    ) -> GraphQLRequestData | list[GraphQLRequestData]:
        try:
            data = await super().parse_http_body(request)
        except AttributeError:  # neither an object nor a list
            raise HTTPException(400, "The body must be a JSON object") from None
        if isinstance(data, GraphQLRequestData) and not isinstance(data.operation_name, str | None):
            raise HTTPException(400, "The `operationName` must be a string or null, if provided.")
        return data

    async def run(  # its two overloads, in one
        self,
        request: Any,  # noqa: ANN401
        context: Any = UNSET,  # noqa: ANN401
        root_value: Any = UNSET,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        try:
            return await super().run(request, context, root_value)
        except HTTPException as error:
            body = as_json(RequestErrorCode.BAD_USER_INPUT, error.reason)
            return JSONResponse(body, status_code=error.status_code)
