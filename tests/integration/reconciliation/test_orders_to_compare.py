"""Select the orders that a run compares, and keep those that it could not compare."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import asyncpg
import pytest

from activities.reconciliation.comparison import ReconciliationActivitiesImpl
from activities.types.reconciliation import (
    ComparisonResult,
    Discrepancy,
    FailedOrders,
    ReconcileInput,
)
from domain.saga.commands import ReconciledSystem
from kit.pool import Pool
from providers.carrier_simulator.routes import NORMAL
from providers.errors import ProviderRefused, ProviderUnavailable
from providers.http_carrier import HttpCarrier
from providers.payment_simulator.methods import APPROVAL
from providers.payments import ProviderDispute, ProviderPayment
from providers.stripe_payments import StripePayments
from tests.integration.reconciliation.conftest import (
    Providers,
    Reconciliation,
    a_waiting_order,
    reconciling,
    reference,
)
from tests.support.sagas import Sagas, an_order


async def test_a_run_compares_a_batch_and_the_next_run_continues(
    sagas: Sagas, pool: Pool, providers: Providers
) -> None:
    orders = {await a_waiting_order(sagas) for _ in range(3)}
    comparing = reconciling(sagas, pool, providers, batch=2)

    counts = [(await comparing.compare(ReconcileInput())).count for _ in range(5)]

    assert len(orders) == 3
    # The orders that have changed, two at most, and one in rotation, which may be one of them.
    assert counts == [2, 2, 1, 0, 1]


async def test_an_order_without_a_verdict_is_compared_again(
    sagas: Sagas, comparing: ReconciliationActivitiesImpl, payments: StripePayments
) -> None:
    order_id = await a_waiting_order(sagas)
    await payments.capture(reference=await reference(sagas, order_id), amount=500, currency="EUR")
    first = await comparing.compare(ReconcileInput())
    assert first.look_again == (order_id,)
    assert await comparing.compare(ReconcileInput()) == first


async def test_a_recent_change_is_not_compared_yet(
    sagas: Sagas, pool: Pool, providers: Providers
) -> None:
    await a_waiting_order(sagas)
    patient = reconciling(sagas, pool, providers, grace=timedelta(hours=1))
    assert await patient.compare(ReconcileInput()) == ComparisonResult(
        0, (), (), pause=timedelta(hours=1), position=0
    )


async def test_a_provider_that_does_not_answer_delays_no_saga(
    sagas: Sagas, pool: Pool, providers: Providers
) -> None:
    order_id = await a_waiting_order(sagas)
    deaf = HttpCarrier("key", "http://127.0.0.1:1")
    comparing = reconciling(sagas, pool, (providers[0], deaf))
    with pytest.raises(ProviderUnavailable):
        await comparing.compare(ReconcileInput())
    assert await sagas.events(f"saga-{order_id}") == []
    await deaf.close()


async def test_a_first_comparison_begins_at_the_end_of_the_log(
    sagas: Sagas, pool: Pool, providers: Providers, owner: asyncpg.Connection
) -> None:
    await a_waiting_order(sagas)
    await owner.execute("DELETE FROM eventstore.checkpoint")
    changed = reconciling(sagas, pool, providers)._orders.changed
    assert await changed.since_last_run() == ([], await sagas.store.safe_head())


class Unreadable(StripePayments):
    """A provider that does not answer for one payment."""

    def __init__(self, instead_of: StripePayments, unreadable: str) -> None:
        self._instead_of = instead_of
        self.unreadable = unreadable

    async def get(self, *, reference: str) -> ProviderPayment:
        if reference == self.unreadable:
            raise ProviderRefused("payments", "get", "testmode_only", 403)
        return await self._instead_of.get(reference=reference)

    async def new_disputes(self, *, since: datetime) -> Sequence[ProviderDispute]:
        return await self._instead_of.new_disputes(since=since)


async def unread(pool: Pool) -> list[tuple[str, str]]:
    rows = await pool.fetch("SELECT order_id, code FROM journal.unchecked_order ORDER BY order_id")
    return [(row[0], row[1]) for row in rows]


async def test_an_unreadable_order_stops_no_other_and_is_read_again(
    sagas: Sagas, pool: Pool, providers: Providers
) -> None:
    unreadable, other = await a_waiting_order(sagas), await a_waiting_order(sagas)
    payments = Unreadable(providers[0], await reference(sagas, unreadable))
    comparing = reconciling(sagas, pool, (payments, providers[1]))

    first = await comparing.compare(ReconcileInput())
    why = "payments get: refused with testmode_only (HTTP 403); change the request"
    assert first.failed_orders == FailedOrders(1, {unreadable: why})
    assert first.count == 1
    assert await unread(pool) == [(unreadable, "PROVIDER_REFUSED")]

    await pool.execute("UPDATE readmodel.order_view SET status = 'COMPLETED'")
    again = await comparing.compare(ReconcileInput(other))
    assert (again.count, again.failed_orders.count) == (1, 0)
    assert len(await unread(pool)) == 1
    payments.unreadable = "none"
    assert (await comparing.compare(ReconcileInput())).count == 1
    assert await unread(pool) == []
    assert (await comparing.compare(ReconcileInput())).count == 0


async def test_a_change_without_a_notification_is_found_in_the_rotation(
    sagas: Sagas, reconciliation: Reconciliation, payments: StripePayments
) -> None:
    order_id = await a_waiting_order(sagas)
    assert (await reconciliation.compare()).discrepancies == ()
    held = await reference(sagas, order_id)
    await payments.capture(reference=held, amount=500, currency="EUR")

    assert (await reconciliation.compare()).discrepancies == (
        Discrepancy(order_id, ReconciledSystem.PAYMENT, "attempt 1 held", "captured 500"),
    )


async def test_a_saga_whose_notification_was_lost_gets_it_in_the_rotation(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), method=APPROVAL))
    await sagas.until(f"payment-{order_id}", "PaymentPending")
    await reconciliation.compare()
    assert "OrderConfirmed" not in await sagas.events(f"order-{order_id}")
    await sagas.payment_simulator.authenticate(await reference(sagas, order_id), "approve")

    await reconciliation.compare()

    await sagas.until(f"order-{order_id}", "OrderConfirmed")


async def test_a_return_whose_goods_are_back_without_a_notification_is_notified(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    patient = sagas.within(return_window=timedelta(minutes=5))
    ordered = an_order((await sagas.stocked(5), 2), postal_code=NORMAL)
    order_id = await patient.arrived(ordered)
    await sagas.send_back(order_id)
    await sagas.carrier_simulator.until_recorded(order_id, "returned")
    await sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")

    await reconciliation.compare()

    assert await sagas.end(order_id) == "RETURNED"
