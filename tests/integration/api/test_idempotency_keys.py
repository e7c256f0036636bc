"""A key belongs to a person and an operation; PostgreSQL answers its repeats, and no refusal."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError, RPCStatusCode

from domain.ids import command_workflow_id, idempotency_key_id
from domain.provider_notifications import ShipmentNotificationKind
from domain.saga.commands import ReconciledSystem
from domain.saga.events import DiscrepancyFound
from eventstore.keys import KEPT_FOR
from kit.eventually import eventually
from kit.pool import Pool
from providers.payment_simulator.methods import DECLINED, VISA
from tests.integration.api import orders
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.api_inputs import a_waiting_order, line
from tests.support.temporal_calls import TEMPORAL_IS_AWAY

REUSED = [("IDEMPOTENCY_KEY_REUSED", ["input", "idempotencyKey"])]
STOCK = """
    mutation($input: ReceiveStockInput!) {
      receiveStock(input: $input) { position replayed userErrors { code message field } }
    }
"""


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
def olga(api: Api) -> Viewer:
    return api.viewer("operator")


@pytest.fixture
def anna(api: Api) -> Viewer:
    return api.viewer("admin")


def keyed(key: str | None = None, **given: object) -> Json:
    return {"idempotencyKey": key or str(uuid4()), **given}


def codes(payload: Json) -> list[tuple[str, list[str] | None]]:
    return [(error["code"], error["field"]) for error in payload["userErrors"]]


def by(amount: int) -> Json:
    return {"amount": {"amount": amount, "currency": "EUR"}}


async def forgotten(api: Api, *workflow_ids: str) -> None:
    """Let Temporal forget these workflows, as its retention does."""
    client = api.sagas.client
    for workflow_id in workflow_ids:
        execution = WorkflowExecution(workflow_id=workflow_id)
        request = DeleteWorkflowExecutionRequest(
            namespace=client.namespace, workflow_execution=execution
        )
        await client.workflow_service.delete_workflow_execution(request)
        await eventually(lambda: _is_gone(api, workflow_id))  # noqa: B023 - awaited in the loop


async def _is_gone(api: Api, workflow_id: str) -> bool:
    try:
        await api.sagas.client.get_workflow_handle(workflow_id).describe()
    except RPCError as error:
        return error.status is RPCStatusCode.NOT_FOUND
    return False


async def receipts(api: Api, sku: str) -> int:
    return (await api.sagas.events(f"inventory-{sku}")).count("StockReceived")


@pytest.fixture
async def sku(api: Api) -> str:
    sku = f"sku-{uuid4().hex[:12]}"
    await api.log.list_product(sku, name="Thing", price=250)
    return sku


# An update's id.


@pytest.mark.parametrize("key", ["placed", "of-an-operator"])
async def test_a_return_under_a_key_of_another_request_is_requested(
    api: Api, ada: Viewer, olga: Viewer, key: str
) -> None:
    order_id = await orders.parked_at_capture(api, ada)
    await olga.run("RetrySaga", input=keyed("of-an-operator", orderId=order_id, reason="mended"))
    await api.sagas.until(f"payment-{order_id}", "PaymentCaptured")
    await api.sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
    await api.sagas.until(f"order-{order_id}", "OrderDelivered")

    payload = await ada.run("RequestReturn", input=keyed(key, orderId=order_id))

    assert (payload["userErrors"], payload["order"]["returnRequested"]) == ([], True)
    assert (await api.events_of(order_id)).count("OrderReturnRequested") == 1


async def test_a_return_that_was_asked_for_too_early_is_granted_under_its_key(
    api: Api, ada: Viewer
) -> None:
    order_id = await orders.waiting_for_the_carrier(api, ada)
    request = keyed(orderId=order_id)
    early = await ada.run("RequestReturn", input=request)
    await api.sagas.deliver(order_id)
    await api.sagas.until(f"order-{order_id}", "OrderDelivered")

    granted = await ada.run("RequestReturn", input=request)

    assert codes(early) == [("RETURN_NOT_POSSIBLE", None)]
    assert (granted["userErrors"], granted["order"]["returnRequested"]) == ([], True)
    assert (await api.events_of(order_id)).count("OrderReturnRequested") == 1


async def test_a_payment_that_was_refused_is_retried_under_its_key(api: Api, ada: Viewer) -> None:
    order_id = await orders.waiting_for_stock(ada)
    request = keyed(orderId=order_id, paymentMethod=VISA)
    early = await ada.run("RetryPayment", input=request)
    declined = await orders.declined(api, ada)
    other = await ada.run("RetryPayment", input=request | {"orderId": declined})

    assert codes(early) == [("PAYMENT_NOT_RETRYABLE", None)]
    assert other["userErrors"] == []  # a refusal does not hold the key for its input either


# Another input, another role, another operation.


async def test_every_mutation_refuses_its_key_for_another_input(
    api: Api, ada: Viewer, olga: Viewer, anna: Viewer, sku: str
) -> None:
    """PostgreSQL answers the repeats: Temporal is away."""
    delivered, declined = await orders.delivered(api, ada), await orders.declined(api, ada)
    parked = await orders.parked_at_capture(api, ada)
    refunded = await orders.delivered(api, ada)
    difference = DiscrepancyFound(
        order_id=declined, system=ReconciledSystem.PAYMENT, ours="nothing", theirs="captured 5"
    )
    await api.log.append(f"saga-{declined}", difference)
    webhook: Json = {"url": "https://receiver.example.com/hooks", "patterns": ["order.*"]}
    first_hook = (await olga.run("RegisterWebhook", input=keyed(**webhook)))["webhook"]["id"]
    other_hook = (await olga.run("RegisterWebhook", input=keyed(**webhook)))["webhook"]["id"]
    price = {"amount": 250, "currency": "EUR"}
    reason = {"reason": "CUSTOMER_REQUEST"}
    table: list[tuple[Viewer, str, Json, Json]] = [
        (ada, "RequestReturn", {"orderId": delivered}, {"lines": [line("mug", 1)]}),
        (
            ada,
            "RetryPayment",
            {"orderId": declined, "paymentMethod": DECLINED},
            {"paymentMethod": VISA},
        ),
        (ada, "CancelOrder", {"orderId": declined}, {"orderId": delivered}),
        (olga, "RetrySaga", {"orderId": parked, "reason": "mended"}, {"reason": "other"}),
        (olga, "AddOrderNote", {"orderId": parked, "text": "one"}, {"text": "two"}),
        (olga, "RefundOrder", {"orderId": refunded, "reason": "late", **by(120)}, by(121)),
        (
            olga,
            "AcceptDiscrepancy",
            {"orderId": declined, "system": "PAYMENT", "reason": "known"},
            {"reason": "other"},
        ),
        (olga, "ReceiveStock", {"sku": sku, "quantity": 5}, {"quantity": 6}),
        (olga, "AdjustStock", {"sku": sku, "difference": 1, "reason": "FOUND"}, {"difference": 2}),
        (olga, "RotateWebhookSecret", {"id": first_hook}, {"id": other_hook}),
        (olga, "TestWebhook", {"id": first_hook}, {"id": other_hook}),
        (olga, "RegisterWebhook", webhook, {"patterns": ["payment.*"]}),
        (anna, "ListProduct", {"sku": sku, "name": "Thing", "price": price}, {"name": "Other"}),
        (anna, "ChangePrice", {"sku": sku, "price": price}, {"sku": "mug"}),
        (anna, "DiscontinueProduct", {"sku": sku}, {"sku": "mug"}),
        (anna, "EraseCustomer", {"customerId": str(uuid4()), **reason}, {"customerId": "other"}),
    ]
    for viewer, name, given, other in table:
        request = keyed(**given)
        first = await viewer.run(name, input=request)
        assert first["userErrors"] == [], name
        api.temporal.failure = TEMPORAL_IS_AWAY
        reused = await viewer.run(name, input=request | other)
        assert codes(reused) == REUSED, name
        again = await viewer.ask(operation(name), input=request)
        (payload,) = again["data"].values()
        assert payload["userErrors"] == [], name
        assert again["extensions"]["idempotency"] == {"replayed": True}, name
        api.temporal.forget()
    assert (await api.events_of(delivered)).count("OrderCancellationRequested") == 0
    assert await receipts(api, sku) == 1


async def test_a_key_is_of_the_person_in_every_role(api: Api, sku: str) -> None:
    person = str(uuid4())
    request = keyed(sku=sku, quantity=5)
    as_operator, as_admin = Viewer(api, person, "operator"), Viewer(api, person, "admin")

    first = await as_operator.ask(STOCK, input=request)
    again = await as_admin.ask(STOCK, input=request)
    other = await as_admin.ask(STOCK, input=request | {"quantity": 6})

    assert first["data"]["receiveStock"]["replayed"] is False
    assert again["data"]["receiveStock"]["replayed"] is True
    assert codes(other["data"]["receiveStock"]) == REUSED
    assert await receipts(api, sku) == 1


async def test_two_people_and_two_operations_use_the_same_key(
    api: Api, olga: Viewer, sku: str
) -> None:
    omar, key = api.viewer("operator"), str(uuid4())

    received = [
        await viewer.run("ReceiveStock", input=keyed(key, sku=sku, quantity=5))
        for viewer in (olga, omar)
    ]
    found = keyed(key, sku=sku, difference=1, reason="FOUND")
    adjusted = await olga.run("AdjustStock", input=found)

    assert [payload["userErrors"] for payload in (*received, adjusted)] == [[], [], []]
    assert adjusted["stock"]["onHand"] == 11


async def test_each_field_of_a_document_says_whether_it_repeats(olga: Viewer, sku: str) -> None:
    old, new = keyed(sku=sku, quantity=5), keyed(sku=sku, quantity=6)
    await olga.run("ReceiveStock", input=old)

    answer = await olga.ask(
        """mutation($old: ReceiveStockInput!, $new: ReceiveStockInput!) {
             new: receiveStock(input: $new) { replayed userErrors { code } }
             old: receiveStock(input: $old) { replayed userErrors { code } }
             newer: receiveStock(input: $new) { replayed userErrors { code } }
           }""",
        old=old,
        new=new,
    )

    assert answer["data"] == {
        "new": {"replayed": False, "userErrors": []},
        "old": {"replayed": True, "userErrors": []},
        "newer": {"replayed": True, "userErrors": []},
    }
    assert answer["extensions"]["idempotency"] == {"replayed": True}


@pytest.mark.parametrize("name", ["receiveStock", "adjustStock"])
async def test_one_of_two_concurrent_requests_has_the_effect(
    olga: Viewer, sku: str, name: str
) -> None:
    given = {"quantity": 5} if name == "receiveStock" else {"difference": 5, "reason": "FOUND"}
    kind = f"{name[0].upper()}{name[1:]}Input"
    query = f"mutation($input: {kind}!) {{ {name}(input: $input) {{ position replayed }} }}"
    request = keyed(sku=sku, **given)

    answers = await asyncio.gather(*(olga.ask(query, input=request) for _ in range(8)))

    payloads = [answer["data"][name] for answer in answers]
    assert sorted(payload["replayed"] for payload in payloads) == [False] + [True] * 7
    assert len({payload["position"] for payload in payloads}) == 1


async def test_one_of_two_concurrent_orders_is_new(ada: Viewer) -> None:
    order = a_waiting_order()
    query = """mutation($input: PlaceOrderInput!) {
        placeOrder(input: $input) { order { id } position replayed userErrors { code } }
    }"""

    answers = await asyncio.gather(*(ada.ask(query, input=order) for _ in range(8)))

    payloads = [answer["data"]["placeOrder"] for answer in answers]
    assert sorted(payload["replayed"] for payload in payloads) == [False] + [True] * 7
    assert len({payload["order"]["id"] for payload in payloads}) == 1


# What Temporal forgets.


async def test_a_receipt_that_temporal_has_forgotten_is_not_repeated(
    api: Api, olga: Viewer, sku: str
) -> None:
    request = keyed(sku=sku, quantity=5)
    first = await olga.ask(STOCK, input=request)
    key_id = idempotency_key_id(olga.sub, "receiveStock", request["idempotencyKey"])
    await forgotten(api, command_workflow_id("ReceiveStock", key_id))

    again = await olga.ask(STOCK, input=request)
    other = await olga.ask(STOCK, input=request | {"quantity": 6})

    position = first["data"]["receiveStock"]["position"]
    assert again["data"]["receiveStock"] == {
        "position": position,
        "replayed": True,
        "userErrors": [],
    }
    assert codes(other["data"]["receiveStock"]) == REUSED
    assert await receipts(api, sku) == 1


async def test_a_receipt_is_not_repeated_after_the_row_of_its_key_is_deleted(
    api: Api, olga: Viewer, sku: str, module_pool: Pool
) -> None:
    """The ids of its events are derived from the key, and the log keeps them."""
    request = keyed(sku=sku, quantity=5)
    first = await olga.ask(STOCK, input=request)
    key_id = idempotency_key_id(olga.sub, "receiveStock", request["idempotencyKey"])
    await forgotten(api, command_workflow_id("ReceiveStock", key_id))
    await module_pool.execute("DELETE FROM journal.idempotency_key WHERE id = $1", key_id)

    other = await olga.ask(STOCK, input=request | {"quantity": 6})
    again = await olga.ask(STOCK, input=request)

    assert codes(other["data"]["receiveStock"]) == REUSED
    assert again["data"]["receiveStock"] == first["data"]["receiveStock"] | {"replayed": True}
    assert await receipts(api, sku) == 1
    is_key = "SELECT count(*) FROM journal.idempotency_key WHERE id = $1"
    assert await module_pool.fetchval(is_key, key_id) == 1  # the next repeat runs no command


async def test_a_return_is_answered_again_when_temporal_has_forgotten_its_order(
    api: Api, ada: Viewer
) -> None:
    order_id = await orders.delivered(api, ada)
    request = keyed(orderId=order_id, lines=[line("mug", 1)])
    first = await ada.run("RequestReturn", input=request)
    await api.sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    await forgotten(api, f"return-{order_id}", f"order-{order_id}")

    again = await ada.ask(operation("RequestReturn"), input=request)

    payload = again["data"]["requestReturn"]
    assert (payload["userErrors"], payload["position"]) == ([], first["position"])
    assert again["extensions"]["idempotency"] == {"replayed": True}
    assert (await api.events_of(order_id)).count("OrderReturnRequested") == 1


async def test_old_keys_are_deleted_by_new_ones(olga: Viewer, sku: str, module_pool: Pool) -> None:
    old = [uuid4() for _ in range(5)]
    for key_id in old:
        await module_pool.execute(
            "INSERT INTO journal.idempotency_key VALUES ($1, 'f', $1, 1, now() - $2::interval)",
            *(key_id, KEPT_FOR),
        )
    young = uuid4()
    await module_pool.execute(
        "INSERT INTO journal.idempotency_key VALUES ($1, 'f', $1, 1, now())", young
    )

    for _ in range(3):
        await olga.run("ReceiveStock", input=keyed(sku=sku, quantity=1))

    kept = "SELECT count(*) FROM journal.idempotency_key WHERE id = ANY ($1)"
    assert await module_pool.fetchval(kept, old) == 0
    assert await module_pool.fetchval(kept, [young]) == 1


async def test_a_key_without_an_effect_is_kept_too(
    api: Api, olga: Viewer, anna: Viewer, sku: str
) -> None:
    """Discontinuing a second time changes nothing."""
    await anna.run("DiscontinueProduct", input=keyed(sku=sku))
    request = keyed(sku=sku)
    await anna.run("DiscontinueProduct", input=request)
    key_id = idempotency_key_id(anna.sub, "discontinueProduct", request["idempotencyKey"])
    await forgotten(api, command_workflow_id("DiscontinueProduct", key_id))

    reused = await anna.run("DiscontinueProduct", input=request | {"sku": "mug"})

    assert codes(reused) == REUSED
    product = await olga.run("Product", sku="mug")
    assert product["discontinued"] is False
