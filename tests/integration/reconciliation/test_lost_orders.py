"""An order that a restore has lost during its saga is restored by its workflow's command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from domain.inventory.state import InventoryState
from domain.order.commands import PlaceOrder
from kit.pool import Pool, create_pool
from providers.carrier_simulator.routes import NORMAL
from providers.payment_simulator.methods import DECLINED, VISA
from tests.integration.reconciliation.conftest import Reconciliation
from tests.support.lost_tail import lose_tail
from tests.support.sagas import Sagas, an_order
from workflows.types import SagaType

PAID_ONCE = {"authorized": (1, 500), "captured": (1, 500)}
SENT_ONCE = {"created": (1, 2), "dispatched": (1, 2), "delivered": (1, 2)}


@pytest.fixture
async def pool(owner_url: str) -> AsyncIterator[Pool]:
    """A pool with the owner's role, because these tests do what no process may do."""
    async with await create_pool(owner_url) as pool:
        yield pool


@pytest.fixture
def kept_open(sagas: Sagas) -> Sagas:
    """Sagas of orders that stay DELIVERED."""
    return sagas.within(return_window=timedelta(minutes=5))


async def accepted(sagas: Sagas, order: PlaceOrder) -> int:
    """Return the position in the answer to the repeated request."""
    answer = await sagas.orchestrator.start_saga(SagaType.ORDER, order, actor="customer:test")
    return answer.position


async def completed(kept_open: Sagas, order_id: str, pool: Pool) -> str | None:
    """Wait until the restored order is delivered, close its return window, and return its end."""
    await kept_open.until(f"order-{order_id}", "OrderDelivered")
    await kept_open.outlast(order_id, pool)
    return await kept_open.end(order_id)


async def test_a_lost_order_with_a_running_saga_is_restored_and_paid_once(
    kept_open: Sagas, reconciliation: Reconciliation, pool: Pool
) -> None:
    sku = await kept_open.stocked(5)
    before = await kept_open.store.safe_head()
    order = an_order((sku, 2), postal_code=NORMAL)
    order_id = await kept_open.arrived(order)
    was = await kept_open.store.load_events(f"order-{order_id}")
    await lose_tail(pool, before)

    placed, reserved = was[:2]
    assert [placed.type, reserved.type] == ["OrderCreated", "OrderReserved"]
    assert await accepted(kept_open, order) == reserved.position  # as Temporal remembers it
    assert await kept_open.events(f"order-{order_id}") == []
    recoveries = await reconciliation.recover(order_id)

    assert (recoveries.count, recoveries.placed_again) == (0, (order_id,))
    assert await completed(kept_open, order_id, pool) == "COMPLETED"
    again = await kept_open.store.load_events(f"order-{order_id}")
    assert again[0].event_id == was[0].event_id
    assert again[0].metadata.actor == "customer:test"
    assert [event.type for event in again] == [*(event.type for event in was), "OrderCompleted"]
    assert await kept_open.events(f"saga-{order_id}") == ["SagaRecovered"]
    assert await kept_open.money(order_id) == PAID_ONCE
    assert await kept_open.carrier_simulator.effects(order_id) == SENT_ONCE
    assert await kept_open.inventory(sku) == InventoryState(received=5, shipped=2)
    assert (await reconciliation.recover(order_id)).placed_again == ()


async def test_an_order_whose_saga_has_ended_comes_back_too(
    sagas: Sagas, reconciliation: Reconciliation, pool: Pool
) -> None:
    sku = await sagas.stocked(5)
    before = await sagas.store.safe_head()
    order = an_order((sku, 2), postal_code=NORMAL)
    order_id = await sagas.arrived(order)
    assert await sagas.end(order_id) == "COMPLETED"
    await lose_tail(pool, before)

    assert await accepted(sagas, order) > before
    assert await sagas.events(f"order-{order_id}") == []
    assert (await reconciliation.recover(order_id)).placed_again == (order_id,)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == PAID_ONCE
    assert await sagas.carrier_simulator.effects(order_id) == SENT_ONCE


async def test_the_command_is_found_in_an_earlier_run_of_a_recovered_saga(
    kept_open: Sagas, reconciliation: Reconciliation, pool: Pool
) -> None:
    sku = await kept_open.stocked(5)
    before = await kept_open.store.safe_head()
    order_id = await kept_open.arrived(an_order((sku, 2), postal_code=NORMAL))
    await kept_open.terminate(order_id)
    await kept_open.recover(order_id)
    await lose_tail(pool, before)

    assert (await reconciliation.recover(order_id)).placed_again == (order_id,)
    assert await completed(kept_open, order_id, pool) == "COMPLETED"
    assert await kept_open.money(order_id) == PAID_ONCE


async def test_a_further_payment_attempt_is_found_at_the_provider_and_not_repeated(
    kept_open: Sagas, reconciliation: Reconciliation, pool: Pool
) -> None:
    sku = await kept_open.stocked(5)
    before = await kept_open.store.safe_head()
    order_id = await kept_open.place(an_order((sku, 2), method=DECLINED, postal_code=NORMAL))
    await kept_open.until(f"payment-{order_id}", "PaymentDeclined")
    await kept_open.pay_with(order_id, VISA)
    await kept_open.delivered(order_id)
    await kept_open.until(f"order-{order_id}", "OrderDelivered")
    paid = await kept_open.money(order_id)
    await lose_tail(pool, before)

    assert (await reconciliation.recover(order_id)).placed_again == (order_id,)

    assert await completed(kept_open, order_id, pool) == "COMPLETED"
    assert await kept_open.money(order_id) == paid == {**PAID_ONCE, "voided": (1, 0)}
    assert (await kept_open.events(f"payment-{order_id}"))[:4] == [
        "PaymentRequested",
        "PaymentDeclined",
        "PaymentRequested",
        "PaymentAuthorized",
    ]


async def test_a_restored_order_pays_nothing_before_the_provider_answers(
    kept_open: Sagas, reconciliation: Reconciliation, pool: Pool
) -> None:
    sku = await kept_open.stocked(5)
    before = await kept_open.store.safe_head()
    order_id = await kept_open.arrived(an_order((sku, 2), postal_code=NORMAL))
    await lose_tail(pool, before)

    with kept_open.payment_simulator.failing(order_id, "*", "down"):
        assert (await reconciliation.recover(order_id)).placed_again == (order_id,)
        await kept_open.until_failed(order_id, "restore", 1)
        assert await kept_open.events(f"order-{order_id}") == ["OrderCreated", "OrderReserved"]
        assert await kept_open.events(f"payment-{order_id}") == []

    assert await completed(kept_open, order_id, pool) == "COMPLETED"
    assert await kept_open.money(order_id) == PAID_ONCE


async def test_an_order_that_lost_its_stock_is_cancelled_and_refunded(
    kept_open: Sagas, reconciliation: Reconciliation, pool: Pool
) -> None:
    before = await kept_open.store.safe_head()
    sku = await kept_open.stocked(5)
    order_id = await kept_open.place(an_order((sku, 2)))
    await kept_open.until(f"shipment-{order_id}", "ShipmentCreated")
    await lose_tail(pool, before)  # and with it the stock

    assert (await reconciliation.recover(order_id)).placed_again == (order_id,)

    assert await kept_open.end(order_id) == "CANCELLED"
    assert await kept_open.money(order_id) == {"authorized": (1, 500), "voided": (1, 500)}
    assert await kept_open.carrier_simulator.effects(order_id) == {
        "created": (1, 2),
        "cancelled": (1, 2),
    }


async def test_an_order_is_placed_again_once_however_many_ask_for_it(
    kept_open: Sagas, reconciliation: Reconciliation, pool: Pool
) -> None:
    sku = await kept_open.stocked(5)
    before = await kept_open.store.safe_head()
    order_id = await kept_open.arrived(an_order((sku, 2), postal_code=NORMAL))
    await lose_tail(pool, before)

    runs = await asyncio.gather(*(reconciliation.recover(order_id) for _ in range(3)))

    assert sorted(run.placed_again for run in runs) == [(), (), (order_id,)]
    assert await completed(kept_open, order_id, pool) == "COMPLETED"
    assert await kept_open.events(f"saga-{order_id}") == ["SagaRecovered"]


async def test_an_unknown_order_is_not_placed(sagas: Sagas, reconciliation: Reconciliation) -> None:
    recoveries = await reconciliation.recover("nope")

    assert (recoveries.count, recoveries.placed_again) == (0, ())
    assert await sagas.events("order-nope") == []
