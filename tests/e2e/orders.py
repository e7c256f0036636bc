"""Place orders at a running system over its API, follow them, and read what they have left."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import httpx

from eventstore.postgres import PostgresEventStore
from kit.eventually import eventually
from kit.local_http import local_client
from kit.pool import create_pool
from providers.payment_simulator.methods import VISA
from stack.system import System
from stack.tokens import Role
from tests.support.api_client import Json, operation
from tests.support.forks import ran

THERE = "10115"
PATIENT = {
    "WAYBILL_PAYMENT_WINDOW": "PT1H",
    "WAYBILL_DISPATCH_DEADLINE": "PT1H",
    "WAYBILL_DELIVERY_DEADLINE": "PT1H",
    "WAYBILL_RETURN_WINDOW": "PT1H",
    "WAYBILL_CARRIER_DISPATCH_AFTER": "PT0.2S",
    "WAYBILL_CARRIER_DELIVER_AFTER": "PT0.2S",
}
NOT_BY_ITSELF = {
    **PATIENT,
    "WAYBILL_RECONCILE_EVERY": "PT1H",
    "WAYBILL_RECONCILE_GRACE": "PT1S",
}
WITHIN_SECONDS = 60
POLL_SECONDS = 0.05


def an_order(postal_code: str) -> Json:
    return {
        "idempotencyKey": str(uuid4()),
        "lines": [{"sku": "TEA-01", "quantity": 2}],
        "paymentMethod": VISA,
        "shippingAddress": {
            "name": "Ada",
            "street": "1 Main Street",
            "city": "Berlin",
            "postalCode": postal_code,
            "country": "DE",
        },
    }


async def ask(http: httpx.AsyncClient, name: str, **variables: object) -> Json:
    answer = await http.post("/graphql", json={"query": operation(name), "variables": variables})
    body: Json = answer.json()
    assert "errors" not in body, body
    data: Json = body["data"]
    return data


def customer(system: System) -> httpx.AsyncClient:
    token = system.token(Role.CUSTOMER, "customer-of-the-test")
    headers = {"Authorization": f"Bearer {token}"}
    return local_client(base_url=system.url, headers=headers, timeout=20)


async def placed(http: httpx.AsyncClient, postal_code: str, status: str, **more: object) -> str:
    """Place an order and wait until it has this status; return its id."""
    order = {**an_order(postal_code), **more}
    order_id: str = (await ask(http, "PlaceOrder", input=order))["placeOrder"]["order"]["id"]
    await reaches(http, order_id, status)
    return order_id


async def reaches(http: httpx.AsyncClient, order_id: str, status: str) -> Json:
    async with asyncio.timeout(WITHIN_SECONDS):
        while True:
            order: Json = (await ask(http, "Order", id=order_id))["order"]
            if order["status"] == status:
                return order
            await asyncio.sleep(POLL_SECONDS)


async def cancel(http: httpx.AsyncClient, order_id: str) -> list[Json]:
    """Request a cancellation; return the errors, of which a running saga has none."""
    given = {"idempotencyKey": str(uuid4()), "orderId": order_id}
    errors: list[Json] = (await ask(http, "CancelOrder", input=given))["cancelOrder"]["userErrors"]
    return errors


async def events(system: System, stream: str) -> list[str]:
    async with await create_pool(system.servers.database_url, size=1) as pool:
        return [event.type for event in await PostgresEventStore(pool).load_events(stream)]


async def recoveries(system: System, *order_ids: str) -> None:
    """Wait until reconciliation has recovered each order's saga."""
    async with await create_pool(system.servers.database_url, size=1) as pool:
        store = PostgresEventStore(pool)

        async def are_recovered() -> bool:
            found = [await store.load_events(f"saga-{order_id}") for order_id in order_ids]
            return all([event.type for event in saga] == ["SagaRecovered"] for saga in found)

        await eventually(are_recovered, WITHIN_SECONDS, POLL_SECONDS)


async def effects(port: int, order_id: str) -> Json:
    async with local_client() as http:
        answer = await http.get(f"http://127.0.0.1:{port}/effects", params={"order_id": order_id})
    found: Json = answer.json()["orders"].get(order_id, {})
    return {effect: entry["count"] for effect, entry in found.items()}


async def recover(system: System, *arguments: str, **changes: str) -> tuple[int, list[str]]:
    """Run `make recover` with these settings; return its exit code and its output."""
    environment = {**system.environment, **changes}
    ended = await ran("-m", "orchestrator.recover", *arguments, environment=environment)
    return ended.code, ended.printed.splitlines()
