"""Customers see less of a saga, a decline and an update than staff do."""

from __future__ import annotations

import json

import pytest

from domain.order.commands import CancellationReason
from domain.order.events import OrderCancellationRequested, OrderReserved
from domain.payment.events import PaymentDeclined, PaymentRequested
from kit.pool import Pool
from tests.integration.api.staff_world import World, a_world
from tests.integration.api.world import EUROS, SECRETS, park
from tests.support.api_client import Api, Json, operation

UPDATES = """
    subscription($orderId: ID!) {
      orderUpdates(orderId: $orderId) {
        ... on OrderUpdate { position positionNumber order { needsAttention positionNumber } }
      }
    }
"""


@pytest.fixture(scope="module")
async def world(module_api: Api, module_pool: Pool) -> World:
    return await a_world(module_api, module_pool)


async def test_a_customer_reads_no_text_of_staff_or_providers_in_a_saga(
    world: World,
) -> None:
    order_id = world.orders[0]
    answer = await world.owner.ask(operation("Saga"), orderId=order_id)

    assert "errors" not in answer
    saga = answer["data"]["saga"]
    assert [secret for secret in SECRETS if secret in json.dumps(saga)] == []
    names = {step["name"] for step in saga["steps"]}
    assert {"reserve", "authorize", "cancel"} <= names
    assert saga["status"] == "FINAL"


async def test_a_customer_sees_a_parked_step_as_running(api: Api, world: World) -> None:
    order_id = await api.logged_order(world.owner)
    await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))
    await park(api, order_id, "authorize")

    customers, staff = await both(world, order_id)

    assert (customers["status"], customers["steps"][1]["state"]) == ("FORWARD", "RUNNING")
    assert (staff["status"], staff["steps"][1]["state"]) == ("PARKED", "FAILED")
    assert [each["outcome"] for each in customers["steps"][1]["attemptHistory"]] == ["RUNNING"]
    assert [each["outcome"] for each in staff["steps"][1]["attemptHistory"]] == ["FAILED"]


async def test_a_customer_sees_a_parked_undo_as_undoing(api: Api, world: World) -> None:
    order_id = await api.logged_order(world.owner)
    reason = CancellationReason.CUSTOMER_REQUEST
    await api.log.append(
        f"order-{order_id}",
        OrderReserved(order_id=order_id),
        OrderCancellationRequested(order_id=order_id, reason=reason),
    )
    await park(api, order_id, "release")

    customers, staff = await both(world, order_id)

    reserve = customers["steps"][0]
    assert (customers["status"], reserve["state"], reserve["undo"]["state"]) == (
        *("COMPENSATING", "UNDOING", "UNDOING"),
    )
    reserve = staff["steps"][0]
    assert (staff["status"], reserve["state"], reserve["undo"]["state"]) == (
        *("PARKED", "FAILED", "FAILED"),
    )


async def both(world: World, order_id: str) -> tuple[Json, Json]:
    """Return the saga as its customer and as an operator see it."""
    customers = await world.owner.run("Saga", orderId=order_id)
    return customers, await world.operator.run("Saga", orderId=order_id)


@pytest.mark.parametrize(
    ("code", "shown"),
    [
        ("insufficient_funds", "insufficient_funds"),
        ("expired_card", "expired_card"),
        ("fraudulent", "card_declined"),
        ("stolen_card", "card_declined"),
        ("merchant_blacklist", "card_declined"),
        ("a code that Stripe may add", "card_declined"),
    ],
)
async def test_a_customer_reads_only_declines_that_they_can_act_on(
    api: Api, world: World, code: str, shown: str
) -> None:
    order_id = await api.logged_order(world.owner)
    await decline(api, order_id, code)

    for viewer, expected in ((world.owner, shown), (world.operator, code)):
        order = await viewer.run("Order", id=order_id)
        assert order["payment"]["declineCode"] == expected


async def test_a_subscription_shows_each_viewer_what_a_query_does(api: Api, world: World) -> None:
    order_id = world.orders[0]
    updates = []
    for viewer in (world.owner, world.operator):
        async with viewer.socket() as socket:
            await socket.subscribe(UPDATES, orderId=order_id)
            updates.append(await socket.update())
    of_owner, of_operator = updates

    assert of_owner == {
        "position": of_operator["position"],
        "positionNumber": None,
        "order": {"needsAttention": None, "positionNumber": None},
    }
    number = of_operator["positionNumber"]
    assert number == api.number(of_operator["position"])
    assert of_operator["order"] == {"needsAttention": True, "positionNumber": number}


async def test_an_event_shows_each_viewer_what_a_query_does(api: Api, world: World) -> None:
    """The API executes an update once for all subscribers who may see the same."""
    order_id = await api.logged_order(world.owner)
    async with world.owner.socket() as owners, world.operator.socket() as operators:
        for socket in (owners, operators):
            await socket.subscribe(UPDATES, orderId=order_id)
            await socket.update()
        await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))
        of_owner, of_operator = await owners.update(), await operators.update()

    assert of_owner["order"] == {"needsAttention": None, "positionNumber": None}
    assert of_operator["order"] == {
        "needsAttention": False,
        "positionNumber": api.number(of_owner["position"]),
    }


async def decline(api: Api, order_id: str, code: str) -> None:
    await api.log.append(
        f"payment-{order_id}",
        PaymentRequested(order_id=order_id, attempt=1, amount=EUROS, method="pm_no"),
        PaymentDeclined(order_id=order_id, attempt=1, reference="pi_1", code=code),
    )


async def test_a_customer_sees_each_attempt_to_pay_without_the_providers_ids(
    world: World,
) -> None:
    order_id = world.orders[1]

    customers, staff = await both(world, order_id)

    declined, *_ = customers["steps"][1]["attemptHistory"]
    of_staff, *_ = staff["steps"][1]["attemptHistory"]
    times = {name: of_staff[name] for name in ("startedAt", "endedAt")}
    assert declined == {
        "number": 1,
        "outcome": "DECLINED",
        "code": "card_declined",
        **times,
        "message": None,
        "reference": None,
    }
    assert (of_staff["code"], of_staff["reference"]) == ("fraudulent", "pi_1")


async def test_a_customer_sees_no_failed_call(world: World) -> None:
    customers, staff = await both(world, world.orders[0])

    give_back = customers["steps"][1]["undo"]
    assert give_back["attemptHistory"] == []
    of_staff = staff["steps"][1]["undo"]["attemptHistory"]
    assert [(each["number"], each["outcome"]) for each in of_staff] == [(3, "FAILED")]
