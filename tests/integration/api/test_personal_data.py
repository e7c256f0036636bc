# ruff: noqa: RUF001 - addresses in other scripts
"""The address and the contact of an order: who reads them, until when, and at which cost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Final
from uuid import uuid4

import pytest

from api import fanout
from domain.customer.commands import ErasureReason
from domain.customer.events import CustomerErased
from domain.order.contact import Contact
from domain.order.events import OrderReserved
from kit.pool import Pool
from stack.postgres import connected
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.api_inputs import ADDRESS, CONTACT, a_waiting_order
from tests.support.order_log import CONTACT as GIVEN

Count = Callable[[], Awaitable[int]]
LIST: Final = """
    query($first: Int, $withRecipient: Boolean = true) {
      orders(first: $first) { edges { node {
        id
        contact @include(if: $withRecipient) { email }
        shippingAddress @include(if: $withRecipient) { name }
      } } }
    }
"""
PLACE: Final = """
    mutation($input: PlaceOrderInput!) {
      placeOrder(input: $input) { order { contact { email } } }
    }
"""
UPDATES: Final = """
    subscription($orderId: ID!) { orderUpdates(orderId: $orderId) {
      ... on OrderUpdate { eventType order { ...Written } }
    } }
    fragment Written on Order { to: contact { email } }
"""
KEY_QUERIES: Final = """
    SELECT coalesce(sum(calls), 0)
    FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
    WHERE d.datname = current_database() AND query LIKE '%FROM eventstore.subject_key%'
"""
ADDRESSES: Final = {
    "Arabic": {
        "name": "محمد عبد الله",
        "company": "شركة النيل",
        "street": "١٢ شارع التحرير",
        "line2": "الدور الثالث",
        "city": "القاهرة",
        "region": "محافظة القاهرة",
        "postalCode": "١١٥١١",
        "country": "EG",
    },
    "Japanese": {
        "name": "山田 太郎",
        "street": "千代田１−１",
        "line2": "ハイツ　３０１号室",
        "city": "千代田区",
        "region": "東京都",
        "postalCode": "１００－０００１",
        "country": "JP",
    },
    "Thai": {
        "name": "สมชาย ใจดี",
        "street": "๙๙/๑ ถนนสุขุมวิท",
        "city": "เขตวัฒนา",
        "region": "กรุงเทพมหานคร",
        "postalCode": "10110",
        "country": "TH",
    },
}


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


async def placed(api: Api, customer: Viewer, contact: Contact | None = GIVEN) -> str:
    """Record an order without a saga."""
    order_id = str(uuid4())
    await api.log.place(order_id, customer_id=customer.sub, contact=contact)
    return order_id


async def erase(api: Api, customer: Viewer) -> None:
    erased = CustomerErased(customer_id=customer.sub, reason=ErasureReason.CUSTOMER_REQUEST)
    await api.log.append(f"customer-{customer.sub}", erased)


def nodes(answer: Json) -> list[Json]:
    return [edge["node"] for edge in answer["data"]["orders"]["edges"]]


async def test_the_customer_and_an_operator_read_what_the_customer_wrote(
    api: Api, ada: Viewer
) -> None:
    more = {
        "line2": "Flat 3",
        "region": "Somerset",
        "company": "Byron Ltd",
        "phone": "01225 477101",
    }
    order_id = await ada.place(**a_waiting_order(shippingAddress=ADDRESS | more, contact=CONTACT))

    for viewer in (ada, api.viewer("operator"), api.viewer("admin")):
        order = await viewer.run("Order", id=order_id)
        assert order["shippingAddress"] == ADDRESS | more | {"phone": "+441225477101"}
        assert order["contact"] == CONTACT


async def test_another_customer_reads_neither(api: Api, ada: Viewer) -> None:
    order_id = await placed(api, ada)
    eve = api.viewer()

    answer = await eve.ask(operation("Order"), id=order_id)
    listed = await eve.ask(LIST, first=100)

    assert answer["data"] == {"order": None}
    assert answer["errors"][0]["extensions"] == {"code": "NOT_FOUND"}
    assert nodes(listed) == []
    assert "byron" not in str(answer) + str(listed)


@pytest.mark.parametrize("given", [None, {}, {"email": None, "locale": None}])
async def test_an_order_without_a_contact_has_none(ada: Viewer, given: Json | None) -> None:
    order_id = await ada.place(**a_waiting_order(contact=given))

    order = await ada.run("Order", id=order_id)

    assert order["contact"] is None
    assert order["shippingAddress"]["name"] == "Ada Byron"


@pytest.mark.parametrize("script", ADDRESSES)
async def test_an_address_in_any_script_is_answered_byte_for_byte(ada: Viewer, script: str) -> None:
    written = ADDRESSES[script]
    order_id = await ada.place(**a_waiting_order(shippingAddress=written))

    read = (await ada.run("Order", id=order_id))["shippingAddress"]

    assert {name: text for name, text in read.items() if text is not None} == written


async def test_both_are_null_without_an_error_once_the_customer_is_erased(
    api: Api, ada: Viewer
) -> None:
    bob = api.viewer()
    hers, his = await placed(api, ada), await placed(api, bob)
    await erase(api, ada)
    operator = api.viewer("operator")

    for viewer in (ada, operator):
        order = await viewer.run("Order", id=hers)
        assert (order["id"], order["shippingAddress"], order["contact"]) == (hers, None, None)
    assert (await bob.run("Order", id=his))["contact"]["email"] == GIVEN.email
    listed = {node["id"]: node["contact"] for node in nodes(await operator.ask(LIST, first=2))}
    assert listed == {hers: None, his: {"email": GIVEN.email}}


@pytest.fixture
async def key_queries(module_owner_url: str, module_pool: Pool) -> Count:
    """Return a function that counts the statements that read keys of this database."""
    async with connected(module_owner_url) as owner:
        await owner.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")

    async def count() -> int:
        return int(await module_pool.fetchval(KEY_QUERIES))

    return count


async def test_a_list_costs_one_key_query_or_none_when_it_asks_for_no_personal_data(
    api: Api, key_queries: Count
) -> None:
    customers = [api.viewer() for _ in range(5)]
    for number in range(50):
        await placed(api, customers[number % 5])
    operator = api.viewer("operator")
    before = await key_queries()

    without = await operator.ask(LIST, first=50, withRecipient=False)
    unasked = await key_queries()
    opened = await operator.ask(LIST, first=50)
    asked = await key_queries()

    assert "errors" not in without
    assert [node["contact"] for node in nodes(opened)] == [{"email": GIVEN.email}] * 50
    assert [node["shippingAddress"] for node in nodes(opened)] == [{"name": "Ada"}] * 50
    assert (unasked - before, asked - unasked) == (0, 1)


async def test_each_request_reads_the_key_again(api: Api, ada: Viewer, key_queries: Count) -> None:
    order_id = await placed(api, ada)
    async with ada.socket() as socket:
        await socket.subscribe(operation("Order"), id=order_id)
        assert (await socket.receive())["payload"]["data"]["order"]["contact"]["email"]
        assert (await socket.receive())["type"] == "complete"
        before = await key_queries()
        await erase(api, ada)
        await socket.subscribe(operation("Order"), id=order_id)
        again = (await socket.receive())["payload"]["data"]["order"]

    assert (again["contact"], again["shippingAddress"]) == (None, None)
    assert await key_queries() > before


async def test_a_key_under_an_unknown_master_key_is_an_error_of_its_field_alone(
    api: Api, ada: Viewer, module_pool: Pool, caplog: pytest.LogCaptureFixture
) -> None:
    bob = api.viewer()
    hers, his = await placed(api, ada), await placed(api, bob)
    await module_pool.execute(
        "UPDATE eventstore.subject_key SET master_key_id = 'lost' WHERE subject = $1", ada.sub
    )

    answer = await api.viewer("operator").ask(LIST, first=2)

    assert [node["id"] for node in nodes(answer)] == [his, hers]
    assert [node["contact"] for node in nodes(answer)] == [{"email": GIVEN.email}, None]
    assert {error["extensions"]["code"] for error in answer["errors"]} == {
        "PERSONAL_DATA_UNREADABLE"
    }
    assert {tuple(error["path"][-1:]) for error in answer["errors"]} == {
        ("contact",),
        ("shippingAddress",),
    }
    (logged,) = [r.getMessage() for r in caplog.records if "personal data" in r.getMessage()]
    assert "key lost is neither WAYBILL_MASTER_KEY nor among its retired ones" in logged
    assert ada.sub not in caplog.text


async def test_a_changed_ciphertext_of_a_key_is_an_error_and_not_null(
    api: Api, ada: Viewer, module_pool: Pool
) -> None:
    order_id = await placed(api, ada)
    await module_pool.execute(
        "UPDATE eventstore.subject_key SET wrapped = wrapped || '\\x00' WHERE subject = $1", ada.sub
    )

    answer = await ada.ask(operation("Order"), id=order_id)

    assert answer["data"]["order"]["contact"] is None
    codes = {error["extensions"]["code"] for error in answer["errors"]}
    assert codes == {"PERSONAL_DATA_UNREADABLE"}


async def test_subscribers_get_personal_data_and_no_answer_with_it_is_kept(
    api: Api, ada: Viewer
) -> None:
    order_id = await placed(api, ada, Contact(email="unkept@byron.example.org"))
    async with AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(ada.socket()) for _ in range(3)]
        for socket in sockets:
            await socket.subscribe(UPDATES, orderId=order_id)
            await socket.update()
        await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))
        updates = [await socket.update() for socket in sockets]
        await erase(api, ada)
        late = await stack.enter_async_context(ada.socket())
        await late.subscribe(UPDATES, orderId=order_id)
        erased = await late.update()

    assert (
        updates
        == [{"eventType": "OrderReserved", "order": {"to": {"email": "unkept@byron.example.org"}}}]
        * 3
    )
    assert erased["order"] == {"to": None}
    kept = [fanout._answers._values, fanout._texts._values]
    assert "unkept" not in repr(kept)


async def test_the_answer_of_placing_an_order_holds_its_contact(ada: Viewer) -> None:
    answer = await ada.ask(PLACE, input=a_waiting_order(contact=CONTACT))

    assert answer["data"] == {"placeOrder": {"order": {"contact": {"email": CONTACT["email"]}}}}


async def test_a_contact_is_part_of_the_orders_key(ada: Viewer) -> None:
    order = a_waiting_order(contact=CONTACT)
    await ada.run("PlaceOrder", input=order)

    for other in ({"email": "eve@example.com"}, None):
        repeated = await ada.run("PlaceOrder", input=order | {"contact": other})
        assert [error["code"] for error in repeated["userErrors"]] == ["IDEMPOTENCY_KEY_REUSED"]
