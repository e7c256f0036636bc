"""Run the refunds again that operators have requested and whose workflow is gone."""

from __future__ import annotations

from uuid import uuid4

from benchmarks.saga.driver import key_use
from domain.ids import refund_workflow_id
from domain.order.commands import RequestRefund
from kit.eventually import eventually
from providers.carrier_simulator.routes import NORMAL
from tests.integration.reconciliation.conftest import Reconciliation
from tests.support.sagas import Sagas, an_order


async def promised(sagas: Sagas, amount: int) -> str:
    """Complete an order of 500 cents, and promise a refund of it without a workflow."""
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), postal_code=NORMAL))
    await sagas.delivered(order_id)
    await sagas.end(order_id)
    await sagas.orchestrator.execute(
        RequestRefund(aggregate_id=order_id, key=uuid4().hex, amount=amount, reason="a scratch"),
        key=key_use("refundOrder"),
        actor="operator:eve",
    )
    return order_id


async def test_a_refund_that_never_got_its_workflow_is_made(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await promised(sagas, 200)

    await reconciliation.recover()

    await sagas.until(f"order-{order_id}", "OrderRefundEnded")
    assert (await sagas.money(order_id))["refunded"] == (1, 200)


async def test_a_terminated_refund_is_recovered_and_made_once(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await promised(sagas, 200)
    workflow_id = refund_workflow_id(order_id, 1)
    handle = sagas.client.get_workflow_handle(workflow_id)

    async def is_refused() -> bool:
        events = (await handle.fetch_history()).events
        return any(event.HasField("activity_task_failed_event_attributes") for event in events)

    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.orchestrator.run_refund(order_id, 1)
        await sagas.parked(order_id, "refund_order_1")
        await handle.terminate()
        await reconciliation.recover()
        await eventually(is_refused)
        await sagas.needs_attention(workflow_id, expected=True)

    assert (await sagas.money(order_id)).get("refunded") is None
    await handle.terminate()
    await reconciliation.recover()
    await sagas.until(f"order-{order_id}", "OrderRefundEnded")
    assert (await sagas.money(order_id))["refunded"] == (1, 200)
    await sagas.until_closed(workflow_id)
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


async def test_a_refund_that_runs_or_has_ended_is_left_alone(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await promised(sagas, 200)
    handle = sagas.client.get_workflow_handle(refund_workflow_id(order_id, 1))
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await sagas.orchestrator.run_refund(order_id, 1)
        await sagas.parked(order_id, "refund_order_1")
        run = (await handle.describe()).run_id
        await reconciliation.recover()
        assert (await handle.describe()).run_id == run

    await sagas.client.get_workflow_handle(handle.id).terminate()
    await reconciliation.recover()
    await sagas.until(f"order-{order_id}", "OrderRefundEnded")
    await handle.result()
    ended = (await handle.describe()).run_id
    await reconciliation.recover()
    assert (await handle.describe()).run_id == ended
