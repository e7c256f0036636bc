"""Receive the simulators' webhooks at the API's endpoint, and pass them to the order's side."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import uvicorn
from fastapi import FastAPI

from api.webhooks import webhooks
from domain.provider_notifications import PaymentNotification, ShipmentNotification
from kit.pool import Pool
from orchestrator.inbox import Inbox
from providers.carrier import Carrier
from providers.http_carrier import HttpCarrier
from settings import Settings
from stack.ports import LOOPBACK

Notification = PaymentNotification | ShipmentNotification


class Hears(Protocol):
    async def handle_event(self, event: Notification) -> None: ...


class Switchboard:
    """Passes the notifications of an order to the side that placed it, if it is connected."""

    def __init__(self) -> None:
        self._sides: dict[str, Hears] = {}

    def connect(self, order_id: str, side: Hears) -> None:
        self._sides[order_id] = side

    async def handle_event(self, event: Notification) -> None:
        if side := self._sides.get(event.order_id):
            await side.handle_event(event)


@dataclass(frozen=True, slots=True)
class _Services:
    """The services that the API's webhooks use."""

    orchestrator: Hears
    inbox: Inbox
    carrier: Carrier


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to the benchmarks."""
        yield


@asynccontextmanager
async def receiving(settings: Settings, pool: Pool) -> AsyncIterator[Switchboard]:
    """Check signature, age and inbox as in production, on the port that the simulators call."""
    switchboard = Switchboard()
    carrier = HttpCarrier(settings.carrier_api_key.get_secret_value(), settings.carrier_url)
    app = FastAPI()
    app.state.services = _Services(switchboard, Inbox(pool), carrier)
    app.include_router(webhooks(settings))
    server = _Server(
        uvicorn.Config(app, host=LOOPBACK, port=settings.http_port, log_config=None, lifespan="off")
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:  # uvicorn has no event for it
        await asyncio.sleep(0.01)
        if serving.done():
            serving.result()
    try:
        yield switchboard
    finally:
        server.should_exit = server.force_exit = True
        await serving
        await carrier.close()
