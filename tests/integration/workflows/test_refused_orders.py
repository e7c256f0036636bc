"""An order whose payment is refused at its creation is cancelled with the cause, and none parks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.payment.state import PaymentStatus
from kit.engine import create_engine
from queries.explain.explanation import ExplainQueries
from queries.orders import OrderQueries
from queries.saga_states import StepState
from queries.sagas import SagaQueries
from tests.support.sagas import Sagas, an_order

OWN_TIME: Final = timedelta(seconds=2)
"""The time in which the provider is asked again with a key that it refuses."""


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(database_url)
    yield engine
    await engine.dispose()


@pytest.mark.parametrize(
    ("operation", "how", "code"),
    [
        ("create", "refuse", "refused_on_request"),
        ("create", "refuse_kept", "refused_on_request"),
        ("*", "401", "api_key_expired"),
    ],
)
async def test_an_order_that_the_provider_refuses_to_begin_is_cancelled_with_the_cause(
    sagas: Sagas, engine: AsyncEngine, operation: str, how: str, code: str
) -> None:
    hasty = sagas.within(provider_timeout=OWN_TIME, undo_timeout=OWN_TIME)
    sku = await sagas.stocked(5)
    order = an_order((sku, 2))
    order_id = order.aggregate_id
    with sagas.payment_simulator.failing(order_id, operation, how):
        await hasty.place(order)
        assert await hasty.end(order_id) == "CANCELLED"

    assert await sagas.reason(order_id) == "PAYMENT_FAILED"
    assert await sagas.events(f"payment-{order_id}") == [
        "PaymentRequested",
        "PaymentRefused",
        "PaymentVoided",
    ]
    assert await sagas.events(f"saga-{order_id}") == []
    assert await sagas.money(order_id) == {}
    assert (await sagas.inventory(sku)).available == 5
    await is_told(sagas, engine, order_id, code)


async def is_told(sagas: Sagas, engine: AsyncEngine, order_id: str, code: str) -> None:
    """Check that the cause is in the order view, in the ledger and in the explanation."""
    view = await OrderQueries(engine).get(order_id)
    assert view is not None
    assert view.payment is not None
    assert (view.payment.status, view.payment.decline_code) == (PaymentStatus.VOIDED, code)

    saga = await SagaQueries(engine).get(order_id)
    assert saga is not None
    authorize = next(step for step in saga.steps if step.name == "authorize")
    assert authorize.last_error is not None
    assert code in f"{authorize.last_error.code} {authorize.last_error.message}"
    assert authorize.undo is not None
    assert (authorize.undo.state, authorize.undo.parking) == (StepState.UNDONE, None)

    explained = await ExplainQueries(engine, sagas.client, "").get(order_id)
    assert explained is not None
    assert f"The provider refused to create attempt 1, and holds nothing: {code}." in {
        entry.text for entry in explained.timeline
    }
    [attempt] = explained.money.attempts
    assert (attempt.status, attempt.decline_code, attempt.authorized) == (
        PaymentStatus.REFUSED,
        code,
        0,
    )


async def test_a_key_that_is_renewed_in_time_pays_the_order(sagas: Sagas) -> None:
    order = an_order((await sagas.stocked(5), 2))
    order_id = order.aggregate_id
    with sagas.payment_simulator.failing(order_id, "*", "401"):
        await sagas.place(order)
        await sagas.until(f"payment-{order_id}", "PaymentRefused")
    await sagas.until(f"order-{order_id}", "OrderConfirmed")

    assert await sagas.money(order_id) == {"authorized": (1, 500)}
    assert await sagas.events(f"payment-{order_id}") == [
        "PaymentRequested",
        "PaymentRefused",
        "PaymentRequested",
        "PaymentAuthorized",
    ]


@pytest.mark.parametrize("operation", ["create", "confirm"])
@pytest.mark.parametrize("how", ["500", "500_after"])
async def test_a_kept_500_cancels_no_order(sagas: Sagas, operation: str, how: str) -> None:
    order = an_order((await sagas.stocked(5), 2))
    order_id = order.aggregate_id
    with sagas.payment_simulator.failing(order_id, operation, how, times=2):
        await sagas.place(order)
        await sagas.until(f"order-{order_id}", "OrderConfirmed")

    assert await sagas.money(order_id) == {"authorized": (1, 500)}
    await sagas.cancel(order_id)
    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.money(order_id) == {"authorized": (1, 500), "voided": (1, 500)}
    assert await sagas.events(f"saga-{order_id}") == []


async def test_an_attempt_refused_after_a_decline_leaves_the_window_open(sagas: Sagas) -> None:
    order = an_order((await sagas.stocked(5), 2), method="pm_card_chargeDeclined")
    order_id = await sagas.place(order)
    await sagas.until(f"payment-{order_id}", "PaymentDeclined")
    with sagas.payment_simulator.failing(order_id, "create", "refuse"):
        await sagas.pay_with(order_id, "pm_card_visa")
        await sagas.until(f"payment-{order_id}", "PaymentRefused")

    await sagas.pay_with(order_id, "pm_card_visa")
    await sagas.until(f"order-{order_id}", "OrderConfirmed")
    assert (await sagas.money(order_id))["authorized"] == (1, 500)
