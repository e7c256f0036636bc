"""An event recorded by a clock that was ahead delays nothing once the clock is set back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg

from activities.reconciliation.open_order_sweep import OpenOrderSweep
from activities.reconciliation.open_orders import OpenOrders
from kit.pool import Pool
from tests.integration.reconciliation.conftest import (
    Providers,
    Reconciliation,
    a_waiting_order,
    reconciling,
)
from tests.support.sagas import PATIENT, Sagas, an_order

A_MINUTE = timedelta(minutes=1)
IN_THE_FUTURE = """
    WITH event AS (UPDATE eventstore.event SET recorded_at = recorded_at + interval '1 day')
    UPDATE readmodel.order_view SET updated_at = updated_at + interval '1 day'
"""
THE_DATABASE_IS_AHEAD = """
    CREATE FUNCTION ahead() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.recorded_at := NEW.recorded_at + interval '1 day';
        RETURN NEW;
    END $$;
    CREATE TRIGGER ahead BEFORE INSERT ON eventstore.event
        FOR EACH ROW EXECUTE FUNCTION ahead()
"""


async def test_a_missing_saga_is_recovered_although_its_order_changed_in_the_future(
    sagas: Sagas, reconciliation: Reconciliation, pool: Pool, owner: asyncpg.Connection
) -> None:
    order_id = await a_waiting_order(sagas)
    await sagas.terminate(order_id)
    await owner.execute(IN_THE_FUTURE)
    found = [page async for page in OpenOrders(pool, sagas.store, A_MINUTE).all()]

    assert [(o.order_id, o.is_at_rest) for page in found for o in page] == [(order_id, True)]
    assert (await reconciliation.recover()).order_ids == (order_id,)


async def test_an_order_that_ended_in_the_future_is_not_open(
    sagas: Sagas, pool: Pool, owner: asyncpg.Connection
) -> None:
    order_id = await a_waiting_order(sagas)
    await owner.execute(IN_THE_FUTURE)
    await pool.execute("UPDATE readmodel.order_view SET status = 'COMPLETED'")

    not_open = await OpenOrders(pool, sagas.store, A_MINUTE).not_open([order_id])
    assert not_open == {order_id: "COMPLETED"}


async def test_orders_with_events_from_the_future_are_compared(
    sagas: Sagas, pool: Pool, providers: Providers, owner: asyncpg.Connection
) -> None:
    order_id = await a_waiting_order(sagas)
    changed = reconciling(sagas, pool, providers, grace=A_MINUTE)._orders.changed
    assert (await changed.since_last_run())[0] == []
    await owner.execute(IN_THE_FUTURE)

    assert (await changed.since_last_run())[0] == [order_id]
    assert (await OpenOrderSweep(pool, A_MINUTE, 9).next())[0] == [order_id]


async def test_a_window_opens_now_when_the_database_clock_is_ahead(
    sagas: Sagas, owner: asyncpg.Connection
) -> None:
    await owner.execute(THE_DATABASE_IS_AHEAD)
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.terminate(order_id)

    await sagas.recover(order_id)

    closes_in = await sagas.waits_until(f"order-{order_id}") - datetime.now(UTC)
    assert abs(closes_in - PATIENT.dispatch) < A_MINUTE
