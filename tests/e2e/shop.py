"""Place orders at a steady rate, and follow them, while processes are restarted."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx
from websockets.exceptions import ConnectionClosed

from kit.local_http import local_client
from stack.system import System
from stack.tokens import Role
from tests.e2e.orders import THERE, an_order
from tests.e2e.rolling import Window
from tests.support.api_client import connecting, operation

CUSTOMER = "customer-of-the-shop"
SERVICE_RESTART = 1012


@dataclass
class Placing:
    """One call of placeOrder; `order_id` or `failure` is set once it has ended."""

    began: float
    seconds: float = 0.0
    order_id: str | None = None
    failure: str | None = None


@dataclass
class Shop:
    """The clients of one address. Each request is sent once, and never repeated."""

    url: str
    token: str
    http: httpx.AsyncClient
    placings: list[Placing] = field(default_factory=list)
    delivered: Counter[str] = field(default_factory=Counter)
    """How often the subscription has reported each order as delivered."""
    follows: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the subscription has got its first position."""
    closes: list[int | None] = field(default_factory=list)
    """The close codes of the subscription's sockets."""

    @property
    def failures(self) -> list[str]:
        return [placing.failure for placing in self.placings if placing.failure]

    @property
    def order_ids(self) -> list[str]:
        return [placing.order_id for placing in self.placings if placing.order_id]

    def slowest(self, window: Window) -> float:
        """Return the longest placeOrder, in seconds, of those that began in this time."""
        return max(p.seconds for p in self.placings if window.began <= p.began < window.ended)

    async def order_each(self, seconds: float, stop: asyncio.Event) -> None:
        """Place an order at each interval until told to stop; then wait for the last answers."""
        async with asyncio.TaskGroup() as group:
            while not stop.is_set():
                group.create_task(self._place())
                with suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), seconds)

    async def _place(self) -> None:
        placing = Placing(time.monotonic())
        self.placings.append(placing)
        body = {"query": operation("PlaceOrder"), "variables": {"input": an_order(THERE)}}
        try:
            answer = await self.http.post("/graphql", json=body)
            placing.order_id = answer.json()["data"]["placeOrder"]["order"]["id"]
        except httpx.HTTPError as error:
            placing.failure = repr(error)
        except (ValueError, KeyError, TypeError):
            placing.failure = answer.text
        placing.seconds = time.monotonic() - placing.began

    async def follow(self) -> None:
        """Count the deliveries until cancelled; resume after the last position when cut off."""
        after: str | None = None
        while True:
            async with connecting(self.url) as socket:
                headers = {"authorization": f"Bearer {self.token}"}
                await socket.send(type="connection_init", payload=headers)
                try:
                    assert await socket.receive() == {"type": "connection_ack"}
                    await socket.subscribe(operation("Notifications"), after=after)
                    while True:
                        update = await socket.update()
                        after = update["position"]
                        self.follows.set()
                        if update.get("kind") == "DELIVERED":
                            self.delivered[update["orderId"]] += 1
                except ConnectionClosed:
                    self.closes.append(socket.connection.close_code)


@asynccontextmanager
async def opened_shop(system: System, url: str) -> AsyncIterator[Shop]:
    token = system.token(Role.CUSTOMER, CUSTOMER)
    headers = {"Authorization": f"Bearer {token}"}
    async with local_client(base_url=url, headers=headers, timeout=20) as http:
        yield Shop(url, token, http)
