"""A dispute whose webhook was lost is found, also long after its order has ended."""

from __future__ import annotations

import pytest
from temporalio.service import RPCError, RPCStatusCode

from domain.ids import aftercare_workflow_id
from domain.provider_notifications import PaymentNotification, PaymentNotificationKind
from kit.pool import Pool
from providers.carrier_simulator.routes import NORMAL
from tests.integration.reconciliation.conftest import Reconciliation
from tests.support.sagas import Sagas, an_order

INDEX = "payment_view_disputed_idx"


async def completed(sagas: Sagas) -> str:
    order_id = await sagas.arrived(an_order((await sagas.stocked(5), 2), postal_code=NORMAL))
    assert await sagas.end(order_id) == "COMPLETED"
    return order_id


async def test_a_dispute_whose_webhook_was_lost_is_recorded_once(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await completed(sagas)
    await reconciliation.compare()
    await sagas.payment_simulator.happen("disputes", order_id=order_id)

    await reconciliation.compare()
    await sagas.until(f"payment-{order_id}", "PaymentDisputed")
    await reconciliation.compare()

    assert (await sagas.events(f"payment-{order_id}")).count("PaymentDisputed") == 1
    assert await sagas.events(f"saga-{order_id}") == []


@pytest.mark.parametrize("outcome", ["won", "lost"])
async def test_the_end_of_a_dispute_whose_webhook_was_lost_is_recorded(
    sagas: Sagas, reconciliation: Reconciliation, outcome: str
) -> None:
    order_id = await completed(sagas)
    dispute = await sagas.payment_simulator.happen("disputes", order_id=order_id)
    await sagas.orchestrator.handle_event(
        PaymentNotification(order_id, 1, PaymentNotificationKind.DISPUTE)
    )
    await sagas.until(f"payment-{order_id}", "PaymentDisputed")
    await sagas.payment_simulator.happen(f"disputes/{dispute['id']}", status=outcome)

    await reconciliation.compare()

    await sagas.until(f"payment-{order_id}", "PaymentDisputeClosed")
    closed = (await sagas.store.load_events(f"payment-{order_id}"))[-1]
    assert closed.data["outcome"] == outcome.upper()


async def test_orders_without_a_dispute_are_not_notified(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await completed(sagas)

    await reconciliation.compare()

    with pytest.raises(RPCError) as error:
        await sagas.client.get_workflow_handle(aftercare_workflow_id(order_id)).describe()
    assert error.value.status is RPCStatusCode.NOT_FOUND


async def test_the_open_disputes_are_found_by_their_index(pool: Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off")
        rows = await connection.fetch(
            "EXPLAIN SELECT reference FROM readmodel.payment_view WHERE disputed > 0"
        )
    assert any(INDEX in row[0] for row in rows)
