from __future__ import annotations

import pytest

from benchmarks.saga.driver import key_use
from domain.customer.commands import EraseCustomer, ErasureReason
from domain.errors import ErrorCode, Refused
from domain.inventory.state import InventoryState
from domain.provider_notifications import ShipmentNotificationKind
from providers.payment_simulator.methods import APPROVAL, VISA
from tests.support.sagas import Sagas, an_order
from tests.support.simulators import SimulatorProcess

ERASE = EraseCustomer(aggregate_id="customer-1", reason=ErasureReason.CUSTOMER_REQUEST)


async def test_an_order_whose_address_is_erased_before_it_ships_is_cancelled_and_undone(
    sagas: Sagas, payment_simulator: SimulatorProcess
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), method=APPROVAL))
    await sagas.until(f"payment-{order_id}", "PaymentPending")

    await sagas.run(ERASE)
    await sagas.orchestrator.retry_payment(
        order_id, VISA, key=key_use("retryPayment"), actor="customer:test"
    )

    assert await sagas.end(order_id) == "CANCELLED"
    assert "ShipmentCreated" not in await sagas.events(f"shipment-{order_id}")
    cancelled = (await sagas.store.load_events(f"order-{order_id}"))[-1]
    assert cancelled.data["reason"] == "SHIPMENT_FAILED"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert "captured" not in await payment_simulator.effects(order_id)


async def test_an_order_placed_after_an_erasure_ships(sagas: Sagas) -> None:
    first = await sagas.place(an_order((await sagas.stocked(1), 1)))
    await sagas.notify(
        first, ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.DELIVERED
    )
    assert await sagas.end(first) == "COMPLETED"
    await sagas.run(ERASE)

    second = await sagas.place(an_order((await sagas.stocked(1), 1)))

    assert "ShipmentCreated" in await sagas.until(f"shipment-{second}", "ShipmentCreated")


async def test_a_repeated_erasure_happens_once(sagas: Sagas) -> None:
    key = key_use("eraseCustomer", "once", customer="customer-1")
    positions = [
        await sagas.orchestrator.execute(ERASE, key=key, actor="admin:test") for _ in range(2)
    ]

    assert positions[0] == positions[1]
    assert await sagas.events("customer-customer-1") == ["CustomerErased"]
    other = ERASE.model_copy(update={"aggregate_id": "customer-2"})
    reused = key_use("eraseCustomer", "once", customer="customer-2")
    with pytest.raises(Refused) as refusal:
        await sagas.orchestrator.execute(other, key=reused, actor="admin:test")
    assert refusal.value.code == ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert await sagas.events("customer-customer-2") == []
