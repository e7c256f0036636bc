"""An answer that Temporal remembers, and whose record a restore has lost, is no success."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from domain.idempotency import KeyedResult
from kit.pool import create_pool
from orchestrator.saga_orchestrator import SagaOrchestrator
from providers.payment_simulator.methods import DECLINED
from tests.integration.api import orders
from tests.support.api_client import Api, Json, Viewer
from tests.support.api_inputs import a_waiting_order
from tests.support.gates import When
from tests.support.lost_tail import lose_tail

Lose = Callable[[int], Awaitable[None]]


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
async def lose(module_owner_url: str) -> AsyncIterator[Lose]:
    """Remove the event at this position and all later ones."""
    async with await create_pool(module_owner_url, size=1) as owner:

        async def lose(position: int) -> None:
            await lose_tail(owner, position - 1)

        yield lose


def with_key(**given: object) -> Json:
    return {"idempotencyKey": str(uuid4()), **given}


async def test_a_lost_order_is_reported_with_its_remedy(api: Api, ada: Viewer, lose: Lose) -> None:
    order = a_waiting_order()
    placed = await ada.run("PlaceOrder", input=order)
    await api.sagas.until("inventory-vase", "BackorderQueued")
    await lose(api.number(placed["position"]))

    payload = await ada.run("PlaceOrder", input=order)

    order_id = placed["order"]["id"]
    assert (payload["order"], payload["position"]) == (None, None)
    (error,) = payload["userErrors"]
    assert error["code"] == "ORDER_LOST"
    assert error["message"].endswith(f"make recover ORDER={order_id}")
    assert await api.events_of(order_id) == []


async def test_a_cancellation_that_was_lost_is_no_success(
    api: Api, ada: Viewer, lose: Lose, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database fails over between the record and the answer."""
    order_id = await orders.waiting_for_the_carrier(api, ada)
    compensate = SagaOrchestrator.compensate_saga

    async def recorded_and_lost(
        orchestrator: SagaOrchestrator,
        saga_id: str,
        **how: Any,  # noqa: ANN401 - passed on
    ) -> KeyedResult:
        requested = await compensate(orchestrator, saga_id, **how)
        await lose(requested.position)
        return requested

    monkeypatch.setattr(SagaOrchestrator, "compensate_saga", recorded_and_lost)
    async with api.sagas.gates.stopped("cancel_shipment", order_id, When.BEFORE):
        payload = await ada.run("CancelOrder", input=with_key(orderId=order_id))
        await api.sagas.terminate(order_id)

    is_refused_as_lost(payload)


async def test_a_return_that_was_lost_is_no_success(api: Api, ada: Viewer, lose: Lose) -> None:
    given = with_key(orderId=await orders.delivered(api, ada))
    recorded = await ada.run("RequestReturn", input=given)
    await api.sagas.until(f"shipment-{given['orderId']}", "ShipmentReturnRequested")
    await lose(api.number(recorded["position"]))

    is_refused_as_lost(await ada.run("RequestReturn", input=given))
    assert (await api.events_of(given["orderId"]))[-1] == "OrderDelivered"


async def test_a_lost_payment_attempt_is_no_success(api: Api, ada: Viewer, lose: Lose) -> None:
    order_id = await orders.declined(api, ada)
    given = with_key(orderId=order_id, paymentMethod=DECLINED)
    recorded = await ada.run("RetryPayment", input=given)
    await api.sagas.until(f"payment-{order_id}", "PaymentDeclined", times=2)
    await lose(api.number(recorded["position"]))

    is_refused_as_lost(await ada.run("RetryPayment", input=given))
    assert await api.events_of(order_id, "payment") == ["PaymentRequested", "PaymentDeclined"]


@pytest.mark.parametrize(
    ("role", "name", "given"),
    [
        ("operator", "ReceiveStock", {"sku": "mug", "quantity": 1}),
        ("admin", "EraseCustomer", {"customerId": "a-stranger", "reason": "CUSTOMER_REQUEST"}),
    ],
)
async def test_a_lost_mutation_of_staff_is_no_success(
    api: Api, lose: Lose, role: str, name: str, given: Json
) -> None:
    staff, request = api.viewer(role), with_key(**given)
    recorded = await staff.run(name, input=request)
    assert recorded["userErrors"] == []
    await lose(api.number(recorded["position"]))

    is_refused_as_lost(await staff.run(name, input=request))


def is_refused_as_lost(payload: Json) -> None:
    (error,) = payload["userErrors"]
    assert (error["code"], error["field"]) == ("RECORD_LOST", ["input", "idempotencyKey"])
    assert payload["position"] is None
