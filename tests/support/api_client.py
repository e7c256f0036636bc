"""Run the API on a port, as a real server that tests call over HTTP and WebSocket."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx
import jwt
import uvicorn
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from api.rate_limit import RateLimits
from api.server import server_config
from cli.documents import document
from eventstore.positions import PositionCodec
from queries.feed import LiveFeed
from settings import Settings
from tests.support.api_inputs import an_order
from tests.support.order_log import OrderLog
from tests.support.routes import Route
from tests.support.sagas import Sagas
from tests.support.temporal_calls import TemporalCalls

TRANSPORT_WS = Subprotocol("graphql-transport-ws")

Json = dict[str, Any]

RECEIVE_SECONDS: Final = 20
"""The time for the next message: longer than the deadlines of an order in the tests."""


def operation(name: str) -> str:
    return document(name)


def token(secret: str, sub: str, role: str, **claims: object) -> str:
    now = datetime.now(UTC)
    ours = {"iss": "waybill", "aud": "waybill", "iat": now, "exp": now + timedelta(hours=1)}
    return jwt.encode({**ours, "sub": sub, "role": role, **claims}, secret, algorithm="HS256")


@dataclass
class Api:
    """One API process, with the parts that its tests inspect."""

    url: str
    settings: Settings
    http: httpx.AsyncClient
    temporal: TemporalCalls
    """The calls that the API has made to Temporal."""
    sagas: Sagas
    log: OrderLog
    feed: LiveFeed
    notices_feed: LiveFeed
    routes: list[Route]
    rate_limits: RateLimits
    follow_contacts: Callable[[], Awaitable[None]]
    """It writes the digests of the e-mail addresses of all orders, as a worker does."""

    def viewer(self, role: str = "customer") -> Viewer:
        """Return a new viewer, whom the API does not know yet."""
        return Viewer(self, f"{role}-{uuid4()}", role)

    def number(self, position: str) -> int:
        """Open a sealed position from an answer."""
        return PositionCodec.of(self.settings).open(position)

    def position(self, number: int) -> str:
        """Seal the position as an answer does."""
        return PositionCodec.of(self.settings).seal(number)

    async def logged_order(self, customer: Viewer, **facts: Any) -> str:  # noqa: ANN401 - of OrderLog.place
        """Record an order that has no saga: only the test appends to its streams."""
        order_id = str(uuid4())
        await self.log.place(order_id, customer_id=customer.sub, **facts)
        return order_id

    async def events_of(self, order_id: str, category: str = "order") -> list[str]:
        return await self.sagas.events(f"{category}-{order_id}")

    async def actors_of(self, stream_id: str) -> list[str | None]:
        """Return the actor of each event of the stream."""
        return [event.metadata.actor for event in await self.log.store.load_events(stream_id)]


@dataclass
class Viewer:
    api: Api
    sub: str
    role: str
    headers: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        secret = self.api.settings.jwt_secret.get_secret_value()
        self.headers = {"authorization": f"Bearer {token(secret, self.sub, self.role)}"}

    async def ask(self, query: str, **variables: object) -> Json:
        response = await self.api.http.post(
            "/graphql", json={"query": query, "variables": variables}, headers=self.headers
        )
        assert response.status_code == 200, response.text
        answer: Json = response.json()
        return answer

    async def run(self, name: str, /, **variables: object) -> Json:
        """Run an operation of graphql/operations; return its only field's value. Fail on errors."""
        answer = await self.ask(operation(name), **variables)
        assert "errors" not in answer, answer
        (value,) = answer["data"].values()
        result: Json = value
        return result

    async def place(self, **changes: object) -> str:
        """Place an order of two mugs, with these changes; return its id."""
        payload = await self.run("PlaceOrder", input=an_order(**changes))
        assert payload["userErrors"] == []
        return str(payload["order"]["id"])

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[Socket]:
        async with connecting(self.api.url) as socket:
            await socket.send(type="connection_init", payload=dict(self.headers))
            assert await socket.receive() == {"type": "connection_ack"}
            yield socket


@dataclass
class Socket:
    connection: ClientConnection
    received: list[Json] = field(default_factory=list)

    async def send(self, **message: object) -> None:
        await self.connection.send(json.dumps(message))

    async def receive(self) -> Json:
        message: Json = json.loads(await asyncio.wait_for(self.connection.recv(), RECEIVE_SECONDS))
        return message

    async def receive_for(self, operation_id: str) -> Json:
        """Return the next message of this operation; those of other operations are dropped."""
        while (message := await self.receive()).get("id") != operation_id:
            pass
        return message

    async def subscribe(self, query: str, **variables: object) -> None:
        payload = {"query": query, "variables": variables}
        await self.send(id="1", type="subscribe", payload=payload)

    async def update(self) -> Json:
        message = await self.receive()
        assert message["type"] == "next", message
        [update] = message["payload"]["data"].values()
        result: Json = update
        return result

    async def exchange(self, messages: Sequence[object]) -> int | None:
        """Send these messages and a last query; return None once it is answered, or the close code.

        `received` holds everything that the server sent.
        """
        with suppress(ConnectionClosed):
            for message in messages:
                await self.connection.send(json.dumps(message))
            await self.send(id="last", type="subscribe", payload={"query": "{ __typename }"})
            while self.received[-1:] != [{"id": "last", "type": "complete"}]:
                self.received.append(await self.receive())
            return None
        return await self.close_code()

    async def close_code(self) -> int | None:
        await asyncio.wait_for(self.connection.wait_closed(), 5)
        return self.connection.close_code


@asynccontextmanager
async def connecting(url: str, **options: Any) -> AsyncIterator[Socket]:  # noqa: ANN401 - connect()'s
    address = f"ws{url.removeprefix('http')}/graphql"
    async with connect(address, subprotocols=[TRANSPORT_WS], **options) as connection:
        yield Socket(connection)


class _Server(uvicorn.Server):
    def __init__(self, app: FastAPI) -> None:
        super().__init__(server_config(app, log_config=None))
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()


@asynccontextmanager
async def served(app: FastAPI) -> AsyncIterator[str]:
    """Serve the app by a real server; yield its URL."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = _Server(app)
    serving = asyncio.create_task(server.serve([listening]))
    try:
        await asyncio.wait_for(server.is_up.wait(), 10)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await serving
        listening.close()
