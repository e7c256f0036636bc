"""Fail at each call of a requested refund: the money moves once, and stock and money add up."""

from __future__ import annotations

import pytest

from domain.ids import refund_workflow_id
from domain.saga.commands import Intervention
from kit.eventually import eventually
from tests.integration.workflows.conftest import NORMAL, Sagas, an_order

STEP = "refund_order_1"


async def promised(sagas: Sagas, amount: int = 200) -> str:
    """Complete an order of 500 cents, and promise a refund of it. No workflow runs it yet."""
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), postal_code=NORMAL))
    await sagas.delivered(order_id)
    await sagas.end(order_id)
    await sagas.promise_refund(order_id, amount)
    return order_id


async def tried(sagas: Sagas, order_id: str) -> None:
    """Wait until the activity has failed or runs for the first time."""
    handle = sagas.client.get_workflow_handle(refund_workflow_id(order_id, 1))

    async def is_pending() -> bool:
        pending = (await handle.describe()).raw_description.pending_activities
        return any(each.attempt > 1 or each.state for each in pending)

    await eventually(is_pending, seconds=30)


async def check(sagas: Sagas, order_id: str) -> None:
    await sagas.until(f"order-{order_id}", "OrderRefundEnded")
    assert (await sagas.money(order_id))["refunded"] == (1, 200)
    events = await sagas.events(f"payment-{order_id}")
    assert (events.count("PaymentRefunded"), "PaymentRefundedElsewhere" in events) == (1, False)


@pytest.mark.parametrize("how", ["timeout_before", "timeout_after", "503"])
@pytest.mark.parametrize("operation", ["refund", "look"])
async def test_a_provider_that_fails_for_a_while_is_asked_again(
    sagas: Sagas, operation: str, how: str
) -> None:
    order_id = await promised(sagas)
    with sagas.payment_simulator.failing(order_id, operation, how):
        await sagas.orchestrator.run_refund(order_id, 1)
        await tried(sagas, order_id)

    await check(sagas, order_id)


@pytest.mark.parametrize("how", ["refuse", "refuse_kept"])
async def test_a_refused_refund_is_made_once_after_an_operator_retries_it(
    sagas: Sagas, how: str
) -> None:
    order_id = await promised(sagas)
    with sagas.payment_simulator.failing(order_id, "refund", how):
        await sagas.orchestrator.run_refund(order_id, 1)
        await sagas.parked(order_id, STEP)
    assert "refunded" not in await sagas.money(order_id)

    await sagas.intervene(order_id, STEP, Intervention.RETRY)

    await check(sagas, order_id)


async def test_a_terminated_refund_is_made_once_by_its_next_run(sagas: Sagas) -> None:
    order_id = await promised(sagas)
    with sagas.payment_simulator.failing(order_id, "refund", "timeout_after"):
        await sagas.orchestrator.run_refund(order_id, 1)
        await sagas.payment_simulator.until_recorded(order_id, "refunded")
        await sagas.client.get_workflow_handle(refund_workflow_id(order_id, 1)).terminate()

    await sagas.orchestrator.run_refund(order_id, 1)

    await check(sagas, order_id)


async def test_no_cancellation_stops_a_promised_refund(sagas: Sagas) -> None:
    order_id = await promised(sagas)
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.orchestrator.run_refund(order_id, 1)
        await sagas.parked(order_id, STEP)
    await sagas.client.get_workflow_handle(refund_workflow_id(order_id, 1)).cancel()

    await sagas.intervene(order_id, STEP, Intervention.RETRY)

    await check(sagas, order_id)
