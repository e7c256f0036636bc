"""Temporal remembers an answer whose record a restore has lost: no mutation gives it as if all were
well."""

from __future__ import annotations

from uuid import uuid4

import pytest

from domain.money import Money
from domain.order.events import OrderReserved
from domain.payment.events import PaymentDeclined, PaymentRequested
from tests.integration.api.client import Api, Json, Viewer
from tests.integration.api.inputs import an_order
from tests.integration.api.log_orchestrator import LogOrchestrator

LOST = 1_000_000_000


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


@pytest.fixture
async def order_id(ada: Viewer, monkeypatch: pytest.MonkeyPatch) -> str:
    """An order. From now on each mutation is answered with a position that the log has lost."""
    order_id = str((await ada.run("PlaceOrder", input=an_order()))["order"]["id"])

    async def decide(*_: object) -> int:
        return LOST

    monkeypatch.setattr(LogOrchestrator, "_decide", decide)
    return order_id


@pytest.mark.usefixtures("order_id")
async def test_an_order_that_is_lost_is_named_with_the_way_back(api: Api, ada: Viewer) -> None:
    payload = await ada.run("PlaceOrder", input=an_order())

    assert (payload["order"], payload["position"]) == (None, None)
    (error,) = payload["userErrors"]
    assert error["code"] == "ORDER_LOST"
    lost = error["message"].split()[1]
    assert error["message"].endswith(f"make recover ORDER={lost}")
    assert await api.events_of(lost) == []


@pytest.mark.parametrize("name", ["CancelOrder", "RequestReturn"])
async def test_what_a_customer_has_done_to_an_order_and_was_lost_is_no_success(
    ada: Viewer, order_id: str, name: str
) -> None:
    payload = await ada.run(name, input={"idempotencyKey": str(uuid4()), "orderId": order_id})
    is_refused_as_lost(payload)


@pytest.mark.usefixtures("order_id")
async def test_what_staff_have_done_and_was_lost_is_no_success(api: Api) -> None:
    receipt = {"idempotencyKey": str(uuid4()), "sku": "mug", "quantity": 1}
    is_refused_as_lost(await api.viewer("operator").run("ReceiveStock", input=receipt))

    erasure = {"customerId": "a-stranger", "reason": "CUSTOMER_REQUEST"}
    given = {"idempotencyKey": str(uuid4()), **erasure}
    is_refused_as_lost(await api.viewer("admin").run("EraseCustomer", input=given))


async def test_a_further_attempt_to_pay_that_was_lost_is_no_success(
    api: Api, ada: Viewer, order_id: str
) -> None:
    amount = Money(amount=500, currency="EUR")
    await api.log.append(f"order-{order_id}", OrderReserved(order_id=order_id))
    await api.log.append(
        f"payment-{order_id}",
        PaymentRequested(order_id=order_id, attempt=1, amount=amount, method="pm"),
        PaymentDeclined(order_id=order_id, attempt=1, reference="pi_1", code="declined"),
    )
    given = {"idempotencyKey": str(uuid4()), "orderId": order_id, "paymentMethod": "pm_other"}

    is_refused_as_lost(await ada.run("RetryPayment", input=given))
    assert len(await api.log.store.load_events(f"payment-{order_id}")) == 2


def is_refused_as_lost(payload: Json) -> None:
    (error,) = payload["userErrors"]
    assert (error["code"], error["field"]) == ("RECORD_LOST", ["input", "idempotencyKey"])
    assert payload["position"] is None
