from __future__ import annotations

from uuid import uuid4

import pytest

from domain.order.events import OrderCreated
from domain.privacy import Sealed
from kit.pool import Pool
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.api_inputs import ADDRESS, OUT_OF_STOCK, a_waiting_order, line


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


def erasure(customer_id: str, **changes: object) -> Json:
    key = {"idempotencyKey": str(uuid4()), "reason": "CUSTOMER_REQUEST"}
    return {**key, "customerId": customer_id, **changes}


def codes(payload: Json) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


async def rejected_order(api: Api, customer: Viewer) -> str:
    """Return an order that can no longer change."""
    order_id = await customer.place(lines=[line(OUT_OF_STOCK)])
    assert await api.sagas.end(order_id) == "REJECTED"
    return order_id


async def keys(pool: Pool, customer: Viewer) -> int:
    async with pool.acquire() as connection:
        query = "SELECT count(*) FROM eventstore.subject_key WHERE subject = $1"
        return int(await connection.fetchval(query, customer.sub))


async def test_an_admin_erases_a_customer(api: Api, ada: Viewer, module_pool: Pool) -> None:
    order_id = await rejected_order(api, ada)
    assert await keys(module_pool, ada) == 1
    admin = api.viewer("admin")

    payload = await admin.run("EraseCustomer", input=erasure(ada.sub))

    assert payload["userErrors"] == []
    (erased,) = await api.log.store.load_events(f"customer-{ada.sub}")
    assert api.number(payload["position"]) == payload["positionNumber"] == erased.position
    assert erased.data == {"customer_id": ada.sub, "reason": "CUSTOMER_REQUEST"}
    assert erased.metadata.actor == f"admin:{admin.sub}"
    assert await keys(module_pool, ada) == 0
    order = await ada.run("Order", id=order_id)
    assert (order["id"], order["status"]) == (order_id, "REJECTED")


async def test_the_address_of_an_order_is_sealed_before_any_erasure(api: Api, ada: Viewer) -> None:
    order_id = await rejected_order(api, ada)

    stored = (await api.log.store.load_events(f"order-{order_id}"))[0]
    placed = stored.decode()
    assert isinstance(placed, OrderCreated)
    assert isinstance(placed.shipping_address, Sealed)
    assert [value for value in ADDRESS.values() if f'"{value}"' in stored.data_json] == []


async def test_erasing_again_with_the_same_key_changes_nothing(api: Api, ada: Viewer) -> None:
    request = erasure(ada.sub)
    admin = api.viewer("admin")
    first = await admin.run("EraseCustomer", input=request)
    again = await admin.run("EraseCustomer", input=request)

    assert first == again
    assert len(await api.log.store.load_events(f"customer-{ada.sub}")) == 1


async def test_a_customer_with_an_open_order_is_not_erased(
    api: Api, ada: Viewer, module_pool: Pool
) -> None:
    await rejected_order(api, ada)
    order_id = await ada.place(**a_waiting_order())
    admin = api.viewer("admin")

    refused = await admin.run("EraseCustomer", input=erasure(ada.sub))

    assert codes(refused) == [("CUSTOMER_HAS_OPEN_ORDERS", ["input", "customerId"])]
    assert await api.log.store.load_events(f"customer-{ada.sub}") == []
    assert await keys(module_pool, ada) == 1

    await api.sagas.cancel(order_id)
    assert await api.sagas.end(order_id) == "CANCELLED"
    erased = await admin.run("EraseCustomer", input=erasure(ada.sub))
    assert erased["userErrors"] == []


@pytest.mark.parametrize("role", ["customer", "operator"])
async def test_only_an_admin_erases(api: Api, ada: Viewer, role: str) -> None:
    viewer = ada if role == "customer" else api.viewer(role)

    answer = await viewer.ask(operation("EraseCustomer"), input=erasure(ada.sub))

    assert answer["data"] is None
    assert answer["errors"][0]["extensions"] == {"code": "FORBIDDEN"}
    assert await api.log.store.load_events(f"customer-{ada.sub}") == []


async def test_invalid_input_is_named_and_erases_no_customer(api: Api) -> None:
    bad = erasure("no id", idempotencyKey="no key")

    payload = await api.viewer("admin").run("EraseCustomer", input=bad)

    assert codes(payload) == [
        ("INVALID_INPUT", ["input", "idempotencyKey"]),
        ("INVALID_INPUT", ["input", "customerId"]),
    ]
    assert api.temporal.workflow_ids == []


async def test_orders_of_the_same_address_have_different_fingerprints(
    api: Api, ada: Viewer
) -> None:
    """Otherwise a guess could reveal an erased address."""
    orders = [await rejected_order(api, ada) for _ in range(2)]
    first, second = [(await api.log.store.load_events(f"order-{o}"))[0].data for o in orders]
    assert first["fingerprint"] != second["fingerprint"]
