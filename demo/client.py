"""Call Waybill's GraphQL API over HTTP, and watch an order over a WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException
from websockets.typing import Subprotocol

from cli.documents import document

Json = dict[str, Any]

PAUSES_SECONDS: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0)
"""The pauses before the retries of an unanswered request. Their sum covers a worker's restart."""

_PROTOCOL: Final = Subprotocol("graphql-transport-ws")
_TRY_AGAIN: Final = frozenset({"OUTCOME_UNKNOWN", "UNAVAILABLE", "RATE_LIMITED"})
_RECONNECT_AFTER_SECONDS: Final = 0.5


class Failed(Exception):
    """Waybill refused a request, or failed it in every try. Clients branch on `code`."""

    def __init__(self, operation: str, code: str, message: str) -> None:
        super().__init__(f"{operation}: {code}: {message}")
        self.code = code


class Client:
    """A client with one user's token. Every mutation has a key, so it can be retried."""

    def __init__(self, http: httpx.AsyncClient, url: str, token: str) -> None:
        self._http = http
        self._url = f"{url}/graphql"
        self._headers = {"Authorization": f"Bearer {token}"}

    async def ask(self, operation: str, **variables: object) -> Json:
        """Return the only field of the answer. Retries an unanswered request. Raises Failed."""
        for pause in PAUSES_SECONDS:
            try:
                return await self._post(operation, variables)
            except Failed as failed:
                if failed.code not in _TRY_AGAIN:
                    raise
            await asyncio.sleep(pause)
        return await self._post(operation, variables)

    async def change(self, operation: str, **values: object) -> Json:
        """Run a mutation whose one variable is `input`. Raises Failed."""
        return await self.ask(operation, input=values)

    async def visit(self, url: str, **form: str) -> None:
        """Submit a form on another site, such as the bank's page."""
        (await self._http.post(url, data=form)).raise_for_status()

    async def watch(self, order_id: str) -> AsyncGenerator[Json, None]:
        """Yield the order as it stands, and again after each change."""
        async with aclosing(self.updates(order_id)) as updates:
            async for update in updates:
                yield update["order"]

    async def updates(
        self, order_id: str, on_lost: Callable[[Exception], None] = lambda _: None
    ) -> AsyncGenerator[Json, None]:
        """Yield the order with the type of the event that changed it, None at first.

        A lost socket is opened again; `on_lost` is called once for each time that it is lost.
        """
        is_open = True
        while True:
            try:
                async with connect(
                    f"ws{self._url.removeprefix('http')}",
                    subprotocols=[_PROTOCOL],
                    additional_headers=self._headers,
                ) as socket:
                    await _subscribe(socket, order_id)
                    is_open = True
                    async for update in _updates(socket):
                        if "order" in update:  # it is Lagged otherwise, and ends
                            yield update
            except (OSError, TimeoutError, WebSocketException) as error:
                if is_open:
                    on_lost(error)
                is_open = False
            await asyncio.sleep(_RECONNECT_AFTER_SECONDS)

    async def _post(self, operation: str, variables: Mapping[str, object]) -> Json:
        body = {"query": document(operation), "variables": variables}
        try:
            answer = (await self._http.post(self._url, headers=self._headers, json=body)).json()
        except (httpx.TransportError, json.JSONDecodeError) as error:
            raise Failed(operation, "UNAVAILABLE", type(error).__name__) from None
        return _field(operation, answer)


def _field(operation: str, answer: Json) -> Json:
    """Return the only field of the answer. Raises Failed with the first error."""
    for error in answer.get("errors") or ():
        raise Failed(operation, error.get("extensions", {}).get("code", ""), error["message"])
    (field,) = answer["data"].values()
    for error in field.get("userErrors", ()):
        raise Failed(operation, error["code"], error["message"])
    return dict(field)


async def _subscribe(socket: ClientConnection, order_id: str) -> None:
    await socket.send(json.dumps({"type": "connection_init"}))
    payload = {"query": document("OrderUpdates"), "variables": {"orderId": order_id}}
    await socket.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))


async def _updates(socket: ClientConnection) -> AsyncIterator[Json]:
    async for text in socket:
        message = json.loads(text)
        match message["type"]:
            case "next":
                yield _field("OrderUpdates", message["payload"])
            case "error":
                _field("OrderUpdates", {"errors": message["payload"]})
            case "ping":
                await socket.send(json.dumps({"type": "pong"}))
            case "complete":
                return
