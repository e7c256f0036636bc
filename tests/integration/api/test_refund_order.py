"""Refund an order by hand: an operator's promise, carried out by a saga of its own."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.service import RPCError, RPCStatusCode

from domain.ids import command_workflow_id, idempotency_key_id
from domain.provider_notifications import ShipmentNotificationKind
from domain.saga.commands import Intervention
from kit.eventually import eventually
from kit.pool import Pool
from providers.carrier_simulator.routes import NORMAL
from tests.integration.api import orders
from tests.integration.api.explaining import explained, waits
from tests.support.api_client import Api, Json, Viewer, operation
from tests.support.api_inputs import line
from tests.support.sagas import an_order as a_command


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
def eve(api: Api) -> Viewer:
    return api.viewer("operator")


@pytest.fixture
async def delivered(api: Api, ada: Viewer) -> str:
    """The id of a delivered order of two mugs at 2.50 EUR."""
    return await orders.delivered(api, ada)


def a_refund(order_id: str, amount: int | None = None, **more: object) -> Json:
    money = {} if amount is None else {"amount": {"amount": amount, "currency": "EUR"}}
    facts = {"idempotencyKey": str(uuid4()), "orderId": order_id, "reason": "a scratch"}
    return facts | money | more


async def refund(viewer: Viewer, request: Json) -> Json:
    return await viewer.run("RefundOrder", input=request)


async def refused(viewer: Viewer, request: Json) -> tuple[str, str, list[str]]:
    payload = await refund(viewer, request)
    (error,) = payload["userErrors"]
    assert (payload["refund"], payload["position"]) == (None, None)
    return error["code"], error["message"], error["field"]


async def money(viewer: Viewer, order_id: str) -> tuple[str, int, int]:
    """Return the status of the payment, what is refunded, and what of it was by hand."""
    payment = (await viewer.run("OrderRefunds", id=order_id))["payment"]
    refunded, elsewhere = payment["refunded"]["amount"], payment["refundedElsewhere"]["amount"]
    return payment["status"], refunded, elsewhere


async def refunds(viewer: Viewer, order_id: str) -> list[tuple[int, str, int, int | None]]:
    found = (await viewer.run("OrderRefunds", id=order_id))["refunds"]
    return [
        (
            each["number"],
            each["status"],
            each["amount"]["amount"],
            each["refunded"] and each["refunded"]["amount"],
        )
        for each in found
    ]


async def ended(api: Api, order_id: str, times: int = 1) -> None:
    await api.sagas.until(f"order-{order_id}", "OrderRefundEnded", times)


async def effects(api: Api, order_id: str) -> tuple[int, int] | None:
    """Return the number and the sum of the provider's refunds of the order."""
    return (await api.sagas.payment_simulator.effects(order_id)).get("refunded")


async def by_hand(api: Api, order_id: str, amount: int) -> str:
    stored = await api.log.store.load_events(f"payment-{order_id}")
    reference = next(each.data["reference"] for each in stored if "reference" in each.data)
    return await api.sagas.payment_simulator.refund_by_hand(reference, amount)


async def forgotten(api: Api, workflow_id: str) -> None:
    """Make Temporal forget a workflow that has ended."""
    client = api.sagas.client
    handle = client.get_workflow_handle(workflow_id)
    await handle.result()
    await client.workflow_service.delete_workflow_execution(
        DeleteWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id),
        )
    )

    async def is_gone() -> bool:
        try:
            await handle.describe()
        except RPCError as error:
            return error.status is RPCStatusCode.NOT_FOUND
        return False

    await eventually(is_gone, seconds=30)


async def goods_back(api: Api, order_id: str) -> None:
    await api.sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    await api.sagas.notify(order_id, ShipmentNotificationKind.RETURNED)


# What is refunded.


async def test_an_operator_refunds_an_amount(
    api: Api, ada: Viewer, eve: Viewer, delivered: str
) -> None:
    payload = await refund(eve, a_refund(delivered, 120))

    assert payload["userErrors"] == []
    promised = payload["refund"]
    assert (promised["number"], promised["amount"]) == (1, {"amount": 120, "currency": "EUR"})
    assert (promised["reason"], promised["requestedBy"]) == ("a scratch", eve_of(eve))
    await ended(api, delivered)
    assert await money(ada, delivered) == ("CAPTURED", 120, 0)
    assert await refunds(ada, delivered) == [(1, "ENDED", 120, 120)]
    assert await effects(api, delivered) == (1, 120)
    order = await ada.run("Order", id=delivered)
    assert (order["status"], order["returnRequested"]) == ("DELIVERED", False)
    stored = await api.log.store.load_events(f"order-{delivered}")
    assert [(each.type, each.metadata.actor) for each in stored[-2:]] == [
        ("OrderRefundRequested", eve_of(eve)),
        ("OrderRefundEnded", "system"),
    ]


def eve_of(eve: Viewer) -> str:
    return f"operator:{eve.sub}"


async def test_an_operator_refunds_pieces_without_their_return(
    api: Api, ada: Viewer, eve: Viewer, delivered: str
) -> None:
    stock = await eve.run("Stock", sku="mug")

    payload = await refund(eve, a_refund(delivered, lines=[line("mug", 1)]))

    assert payload["refund"]["lines"] == [{"sku": "mug", "quantity": 1}]
    assert payload["refund"]["amount"]["amount"] == 250
    await ended(api, delivered)
    assert await money(ada, delivered) == ("CAPTURED", 250, 0)
    assert await effects(api, delivered) == (1, 250)
    after = await eve.run("Stock", sku="mug")
    assert (after["onHand"], after["shipped"]) == (stock["onHand"], stock["shipped"])


async def test_a_refunded_piece_is_not_refunded_again_when_it_comes_back(
    api: Api, ada: Viewer, eve: Viewer, delivered: str
) -> None:
    await refund(eve, a_refund(delivered, lines=[line("mug", 1)]))
    await ended(api, delivered)

    await ada.run("RequestReturn", input={"idempotencyKey": str(uuid4()), "orderId": delivered})
    await goods_back(api, delivered)
    assert await api.sagas.end(delivered) == "RETURNED"

    assert await money(ada, delivered) == ("REFUNDED", 500, 0)
    assert await effects(api, delivered) == (2, 500)


async def test_an_order_that_has_ended_is_refunded(api: Api, ada: Viewer, eve: Viewer) -> None:
    order = a_command(("mug", 2), postal_code=NORMAL)
    impatient = api.sagas.within(return_window=timedelta(0))
    order_id = await impatient.arrived(order.model_copy(update={"customer_id": ada.sub}))
    assert await api.sagas.end(order_id) == "COMPLETED"

    await refund(eve, a_refund(order_id, 500))
    await ended(api, order_id)

    assert await money(ada, order_id) == ("REFUNDED", 500, 0)
    assert (await ada.run("Order", id=order_id))["status"] == "COMPLETED"
    assert await effects(api, order_id) == (1, 500)


async def test_a_return_after_a_refund_by_hand_is_refunded_in_full(
    api: Api, ada: Viewer, eve: Viewer, delivered: str
) -> None:
    """5.00 of 19.00 were given back in the dashboard, and one piece of 9.50 came back: at 2.50 here
    and with 1.00 by hand."""
    await by_hand(api, delivered, 100)

    one = {"idempotencyKey": str(uuid4()), "orderId": delivered, "lines": [line("mug", 1)]}
    await ada.run("RequestReturn", input=one)
    await goods_back(api, delivered)
    await api.sagas.until(f"order-{delivered}", "OrderReturned")

    assert await money(ada, delivered) == ("CAPTURED", 350, 100)
    assert await effects(api, delivered) == (2, 350)
    assert [code for code, _, _ in [await refused(eve, a_refund(delivered, 151))]] == [
        "REFUND_TOO_LARGE"
    ]


async def test_a_return_that_the_capture_does_not_cover_parks_and_can_be_resolved(
    api: Api, ada: Viewer, eve: Viewer, delivered: str
) -> None:
    await by_hand(api, delivered, 100)
    await ada.run("RequestReturn", input={"idempotencyKey": str(uuid4()), "orderId": delivered})
    await goods_back(api, delivered)
    parked = await api.sagas.parked(delivered, "refund")

    assert (parked["code"], parked["step"]) == ("REFUND_TOO_LARGE", "refund")
    assert (await eve.run("Order", id=delivered))["needsAttention"] is True
    assert await money(ada, delivered) == ("REFUNDED", 500, 100)
    await api.sagas.intervene(delivered, "refund", Intervention.RESOLVE)
    assert await api.sagas.end(delivered) == "RETURNED"
    assert await effects(api, delivered) == (2, 500)


# What is refused.


async def test_no_more_is_refunded_than_is_left(
    api: Api, ada: Viewer, eve: Viewer, delivered: str
) -> None:
    await refund(eve, a_refund(delivered, 120))
    await ended(api, delivered)

    assert await refused(eve, a_refund(delivered, 381)) == (
        "REFUND_TOO_LARGE",
        "381 EUR cannot be refunded: 380 of the 500 that were captured are left (minor units)",
        ["input", "amount"],
    )
    assert await refunds(ada, delivered) == [(1, "ENDED", 120, 120)]
    assert await effects(api, delivered) == (1, 120)
    await refund(eve, a_refund(delivered, 380))
    await ended(api, delivered, 2)
    assert await effects(api, delivered) == (2, 500)


async def test_concurrent_refunds_never_exceed_what_was_captured(
    api: Api, ada: Viewer, eve: Viewer, delivered: str
) -> None:
    payloads = await asyncio.gather(*(refund(eve, a_refund(delivered, 200)) for _ in range(5)))

    codes = [error["code"] for payload in payloads for error in payload["userErrors"]]
    assert codes == ["REFUND_TOO_LARGE"] * 3
    await ended(api, delivered, 2)
    assert await money(ada, delivered) == ("CAPTURED", 400, 0)
    assert await effects(api, delivered) == (2, 400)


async def test_a_return_under_way_keeps_its_money(
    api: Api, ada: Viewer, eve: Viewer, delivered: str
) -> None:
    one = {"idempotencyKey": str(uuid4()), "orderId": delivered, "lines": [line("mug", 1)]}
    await ada.run("RequestReturn", input=one)

    assert (await refused(eve, a_refund(delivered, 251)))[:2] == (
        "REFUND_TOO_LARGE",
        "251 EUR cannot be refunded: 250 of the 500 that were captured are left (minor units)",
    )
    assert await refused(eve, a_refund(delivered, lines=[line("mug", 2)])) == (
        "REFUND_TOO_LARGE",
        "mug: 2 to be refunded, 1 of 2 are not returned or refunded yet",
        ["input", "lines", "0", "quantity"],
    )
    await refund(eve, a_refund(delivered, 250))
    await ended(api, delivered)
    await goods_back(api, delivered)
    await api.sagas.until(f"order-{delivered}", "OrderReturned")
    assert await money(ada, delivered) == ("REFUNDED", 500, 0)
    assert await effects(api, delivered) == (2, 500)


async def test_nothing_is_refunded_before_the_capture(api: Api, ada: Viewer, eve: Viewer) -> None:
    order_id = await orders.waiting_for_the_carrier(api, ada)

    assert await refused(eve, a_refund(order_id, 1)) == (
        "REFUND_NOT_POSSIBLE",
        f"order {order_id} is CONFIRMED: no captured money is kept for it",
        ["input", "orderId"],
    )
    assert "OrderRefundRequested" not in await api.events_of(order_id)


async def test_an_invalid_input_is_named(eve: Viewer, delivered: str) -> None:
    both = a_refund(delivered, 1, lines=[line("mug", 1)])
    foreign = a_refund(delivered, amount=None) | {"amount": {"amount": 1, "currency": "USD"}}

    assert [
        (code, field)
        for code, _, field in [
            await refused(eve, a_refund(delivered)),
            await refused(eve, both),
            await refused(eve, a_refund(delivered, 0)),
            await refused(eve, a_refund(delivered, 1, reason=" ")),
            await refused(eve, foreign),
            await refused(eve, a_refund(delivered, lines=[])),
            await refused(eve, a_refund(delivered, lines=[line("pot", 1)])),
        ]
    ] == [
        ("INVALID_INPUT", ["input", "amount"]),
        ("INVALID_INPUT", ["input", "amount"]),
        ("INVALID_INPUT", ["input", "amount", "amount"]),
        ("INVALID_INPUT", ["input", "reason"]),
        ("CURRENCY_MISMATCH", ["input", "amount", "currency"]),
        ("INVALID_INPUT", ["input", "lines"]),
        ("REFUND_TOO_LARGE", ["input", "lines", "0", "quantity"]),
    ]
    assert await refunds(eve, delivered) == []


async def test_a_customer_cannot_refund(ada: Viewer, delivered: str) -> None:
    answer = await ada.ask(
        "mutation ($input: RefundOrderInput!) { refundOrder(input: $input) { position } }",
        input=a_refund(delivered, 1),
    )

    assert [error["extensions"]["code"] for error in answer["errors"]] == ["FORBIDDEN"]
    assert await refunds(ada, delivered) == []


# Repeats and losses.


async def test_a_repeated_key_refunds_once(
    api: Api, ada: Viewer, eve: Viewer, delivered: str
) -> None:
    request = a_refund(delivered, 200)

    payloads = await asyncio.gather(*(refund(eve, request) for _ in range(3)))
    await ended(api, delivered)
    again = await refund(eve, request)

    assert {payload["refund"]["number"] for payload in [*payloads, again]} == {1}
    assert again["refund"]["status"] == "ENDED"
    assert again["position"] == payloads[0]["position"]
    assert await refunds(ada, delivered) == [(1, "ENDED", 200, 200)]
    assert await effects(api, delivered) == (1, 200)
    assert (await refused(eve, request | {"reason": "another"}))[0] == "IDEMPOTENCY_KEY_REUSED"


async def test_a_repeat_refunds_once_although_temporal_has_forgotten_the_first_request(
    api: Api, ada: Viewer, eve: Viewer, delivered: str
) -> None:
    request = a_refund(delivered, 200)
    await refund(eve, request)
    await ended(api, delivered)
    command = command_workflow_id(
        "RequestRefund",
        idempotency_key_id(eve.sub, "refundOrder", str(request["idempotencyKey"])),
    )
    await forgotten(api, command)
    await forgotten(api, f"refund-{delivered}-1")

    again = await refund(eve, request)

    assert again["userErrors"] == []
    assert await refunds(ada, delivered) == [(1, "ENDED", 200, 200)]
    assert await effects(api, delivered) == (1, 200)


async def test_a_refund_is_not_repeated_after_the_row_of_its_key_is_deleted(
    api: Api, ada: Viewer, eve: Viewer, delivered: str, module_pool: Pool
) -> None:
    """The order's log keeps the key of each refund."""
    request = a_refund(delivered, 200)
    first = await refund(eve, request)
    await ended(api, delivered)
    key_id = idempotency_key_id(eve.sub, "refundOrder", str(request["idempotencyKey"]))
    await forgotten(api, command_workflow_id("RequestRefund", key_id))
    await forgotten(api, f"refund-{delivered}-1")
    await module_pool.execute("DELETE FROM journal.idempotency_key WHERE id = $1", key_id)

    again = await refund(eve, request)

    assert (again["userErrors"], again["refund"]["number"]) == ([], first["refund"]["number"])
    assert await refunds(ada, delivered) == [(1, "ENDED", 200, 200)]
    assert await effects(api, delivered) == (1, 200)
    assert (await refused(eve, request | {"reason": "another"}))[0] == "IDEMPOTENCY_KEY_REUSED"


async def test_a_refused_refund_parks_and_is_retried_by_an_operator(
    api: Api, ada: Viewer, eve: Viewer, delivered: str
) -> None:
    with api.sagas.payment_simulator.failing(delivered, "refund", "refuse_kept"):
        await refund(eve, a_refund(delivered, 200))
        parked = await api.sagas.parked(delivered, "refund_order_1")
    saga = await eve.run("Saga", orderId=delivered)

    assert parked["workflow_id"] == f"refund-{delivered}-1"
    assert (saga["status"], saga["needsAttention"]) == ("PARKED", True)
    assert [
        (step["state"], step["parking"]["code"])
        for step in saga["steps"]
        if step["name"] == "refund_order_1"
    ] == [("FAILED", "PROVIDER_REFUSED")]
    payload = await eve.run(
        "RetrySaga",
        input={"idempotencyKey": str(uuid4()), "orderId": delivered, "reason": "it works again"},
    )
    assert payload["userErrors"] == []
    await ended(api, delivered)
    assert await refunds(ada, delivered) == [(1, "ENDED", 200, 200)]
    assert await effects(api, delivered) == (1, 200)


async def test_a_parked_refund_without_its_workflow_is_recovered_at_once(
    api: Api, ada: Viewer, eve: Viewer
) -> None:
    order = a_command(("mug", 2), postal_code=NORMAL)
    impatient = api.sagas.within(return_window=timedelta(0))
    order_id = await impatient.arrived(order.model_copy(update={"customer_id": ada.sub}))
    assert await api.sagas.end(order_id) == "COMPLETED"
    with api.sagas.payment_simulator.failing(order_id, "refund", "refuse_kept"):
        await refund(eve, a_refund(order_id, 200))
        await api.sagas.parked(order_id, "refund_order_1")
        await api.sagas.client.get_workflow_handle(f"refund-{order_id}-1").terminate()
    retry = {"idempotencyKey": str(uuid4()), "orderId": order_id, "reason": "it works again"}

    answer = await eve.ask(operation("RetrySaga"), input=retry)

    assert answer["errors"][0]["extensions"]["code"] in {"UNAVAILABLE", "OUTCOME_UNKNOWN"}
    await eventually(lambda: _is_taken(eve, retry))
    await ended(api, order_id)
    assert await refunds(ada, order_id) == [(1, "ENDED", 200, 200)]
    assert await effects(api, order_id) == (1, 200)


async def _is_taken(viewer: Viewer, retry: Json) -> bool:
    """Repeat the retry; return whether the recovered saga has taken it."""
    answer = await viewer.ask(operation("RetrySaga"), input=retry)
    return "errors" not in answer and answer["data"]["retrySaga"]["userErrors"] == []


@pytest.mark.parametrize(
    ("intervention", "given"), [(Intervention.SKIP, 0), (Intervention.RESOLVE, 200)]
)
async def test_a_parked_refund_that_is_settled_leaves_what_no_operator_has_given(  # noqa: PLR0913, PLR0917 - fixtures and a case
    api: Api, ada: Viewer, eve: Viewer, delivered: str, intervention: Intervention, given: int
) -> None:
    with api.sagas.payment_simulator.failing(delivered, "refund", "refuse_kept"):
        await refund(eve, a_refund(delivered, 200))
        await api.sagas.parked(delivered, "refund_order_1")
        await api.sagas.intervene(delivered, "refund_order_1", intervention)
        await ended(api, delivered)

    assert await refunds(ada, delivered) == [(1, "ENDED", 200, 0)]
    assert await effects(api, delivered) is None
    code, _, _ = await refused(eve, a_refund(delivered, 501 - given))
    assert code == "REFUND_TOO_LARGE"
    await refund(eve, a_refund(delivered, 500 - given))
    await ended(api, delivered, 2)
    assert await effects(api, delivered) == (1, 500 - given)


async def attentive(viewer: Viewer, order_id: str) -> set[str]:
    """Return the views that show the order as one that waits for an operator."""
    order = await viewer.run("Order", id=order_id)
    orders = await viewer.run("Orders", filter={"needsAttention": True}, first=100)
    parked = await viewer.run("ParkedSagas", first=100)
    saga = await viewer.run("Saga", orderId=order_id)
    shown = {
        "order": order["needsAttention"],
        "orders": order_id in {edge["node"]["id"] for edge in orders["edges"]},
        "parkedSagas": order_id in {edge["node"]["orderId"] for edge in parked["edges"]},
        "saga": saga["needsAttention"] and saga["status"] == "PARKED",
        "explain": "OPERATOR" in waits(await explained(viewer, order_id)),
    }
    return {view for view, is_shown in shown.items() if is_shown}


async def test_every_view_shows_a_parked_refund_until_it_is_settled(
    api: Api, eve: Viewer, delivered: str
) -> None:
    with api.sagas.payment_simulator.failing(delivered, "refund", "refuse_kept"):
        await refund(eve, a_refund(delivered, 200))
        await api.sagas.parked(delivered, "refund_order_1")
    before = await attentive(eve, delivered)
    await by_hand(api, delivered, 150)
    await api.sagas.intervene(delivered, "refund_order_1", Intervention.RESOLVE)
    await ended(api, delivered)

    assert before == {"order", "orders", "parkedSagas", "saga", "explain"}
    assert await attentive(eve, delivered) == set()
    assert await money(eve, delivered) == ("CAPTURED", 150, 150)
    explanation = await explained(eve, delivered)
    [settled] = [
        each["text"]
        for each in explanation["timeline"]
        if each.get("type") == "PaymentRefundSettledByOperator"
    ]
    assert settled == (
        "In place of refund_order_1, an operator has given back 50 EUR (minor units) outside"
        " Waybill, and 150 EUR (minor units) by hand at the provider."
    )


async def test_a_refund_parked_over_the_end_of_its_order_stays_parked(
    api: Api, ada: Viewer, eve: Viewer, delivered: str
) -> None:
    with api.sagas.payment_simulator.failing(delivered, "refund", "refuse_kept"):
        await refund(eve, a_refund(delivered, 100))
        await api.sagas.parked(delivered, "refund_order_1")
    await ada.run("RequestReturn", input={"idempotencyKey": str(uuid4()), "orderId": delivered})
    await goods_back(api, delivered)
    assert await api.sagas.end(delivered) == "RETURNED"

    assert (await eve.run("Order", id=delivered))["needsAttention"] is True
    await api.sagas.intervene(delivered, "refund_order_1", Intervention.RETRY)
    parked = await api.sagas.parked(delivered, "refund_order_1", 2)
    assert parked["code"] == "REFUND_TOO_LARGE"
    await api.sagas.intervene(delivered, "refund_order_1", Intervention.RESOLVE)
    await ended(api, delivered)
    assert (await eve.run("Order", id=delivered))["needsAttention"] is False
    assert await refunds(ada, delivered) == [(1, "ENDED", 100, 0)]
    assert await effects(api, delivered) == (1, 500)
