"""Follow the README's journey, with nothing but HTTP and a WebSocket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest

from eventstore.postgres import PostgresEventStore
from kit.local_http import local_client
from kit.pool import create_pool
from providers.carrier_simulator.routes import NEVER_DISPATCHED
from stack.system import System
from stack.tokens import Role
from tests.e2e.orders import THERE, an_order, ask
from tests.support.api_client import Json, Socket, connecting, operation


@pytest.fixture
async def http(system: System) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a customer whom the API does not know yet."""
    token = system.token(Role.CUSTOMER, f"customer-{uuid4()}")
    headers = {"Authorization": f"Bearer {token}"}
    async with local_client(base_url=system.url, headers=headers, timeout=20) as client:
        yield client


async def test_a_first_order_is_placed_watched_until_completed_and_listed(
    system: System, http: httpx.AsyncClient
) -> None:
    placed = (await ask(http, "PlaceOrder", input=an_order(THERE)))["placeOrder"]
    assert placed["userErrors"] == []
    assert placed["order"]["total"] == {"amount": 2580, "currency": "EUR"}
    assert placed["order"]["status"] in {"RESERVED", "CONFIRMED"}  # the saga does not wait for it

    assert await watched(system, http, placed, until="OrderCompleted") == [
        "OrderReserved",
        "OrderAuthorized",
        "OrderConfirmed",
        "OrderShipped",
        "OrderDelivered",
        "OrderCompleted",
    ]

    (listed,) = (await ask(http, "Orders", first=10))["orders"]["edges"]
    assert listed["node"]["id"] == placed["order"]["id"]
    assert listed["node"]["status"] == "COMPLETED"
    assert listed["node"]["payment"]["captured"]["amount"] == 2580


async def test_an_order_is_cancelled_before_its_parcel_leaves(
    system: System, http: httpx.AsyncClient
) -> None:
    placed = (await ask(http, "PlaceOrder", input=an_order(NEVER_DISPATCHED)))["placeOrder"]
    order_id = placed["order"]["id"]
    await watched(system, http, placed, until="OrderConfirmed")
    cancel = {"idempotencyKey": str(uuid4()), "orderId": order_id}
    assert (await ask(http, "CancelOrder", input=cancel))["cancelOrder"]["userErrors"] == []

    seen = await watched(system, http, placed, until="OrderCancelled")
    assert seen[-2:] == ["OrderCancellationRequested", "OrderCancelled"]
    order = (await ask(http, "Order", id=order_id))["order"]
    assert order["reason"] == "CUSTOMER_REQUEST"
    assert order["payment"]["status"] == "VOIDED"
    assert order["payment"]["captured"]["amount"] == 0


async def test_the_same_key_again_is_the_same_order(http: httpx.AsyncClient) -> None:
    order = an_order(THERE)
    first = (await ask(http, "PlaceOrder", input=order))["placeOrder"]
    again = (await ask(http, "PlaceOrder", input=order))["placeOrder"]
    assert again["order"]["id"] == first["order"]["id"]
    assert len((await ask(http, "Orders", first=10))["orders"]["edges"]) == 1


async def watched(
    system: System, http: httpx.AsyncClient, placed: Json, *, until: str
) -> list[str]:
    """Return the order's own events since it was placed, from a subscription."""
    seen: list[str] = []
    async with connecting(system.url) as socket:
        await _sign_in(socket, http.headers["Authorization"])
        await socket.subscribe(
            operation("OrderUpdates"), orderId=placed["order"]["id"], after=placed["position"]
        )
        while until not in seen:
            seen.append((await socket.update())["eventType"])
    return [event for event in seen if event.startswith("Order")]


async def _sign_in(socket: Socket, authorization: str) -> None:
    await socket.send(type="connection_init", payload={"authorization": authorization})
    assert (await socket.receive())["type"] == "connection_ack"


async def test_every_event_of_an_order_belongs_to_the_trace_of_its_request(
    system: System, http: httpx.AsyncClient
) -> None:
    trace_id = uuid4().hex
    http.headers["traceparent"] = f"00-{trace_id}-b7ad6b7169203331-01"

    placed = (await ask(http, "PlaceOrder", input=an_order(THERE)))["placeOrder"]
    await watched(system, http, placed, until="OrderCompleted")

    order_id = placed["order"]["id"]
    async with await create_pool(system.servers.database_url, size=1) as pool:
        store = PostgresEventStore(pool)
        streams = [f"{category}-{order_id}" for category in ("order", "payment", "shipment")]
        events = [event for stream in streams for event in await store.load_events(stream)]
    assert len(events) == 14
    assert {(event.metadata.traceparent or "-").split("-")[1] for event in events} == {trace_id}
