"""A parcel waits for goods that have come since, and no notification has said so."""

from __future__ import annotations

from activities.command_handler import CommandHandler, Step
from domain.inventory.commands import AdjustmentReason, AdjustStock, ReceiveStock
from domain.inventory.state import InventoryState
from providers.payment_simulator.methods import DECLINED, VISA
from tests.integration.reconciliation.conftest import Reconciliation
from tests.support.sagas import Sagas, an_order


async def test_the_recovery_books_a_parcel_whose_goods_have_come_unnoticed(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    """The goods may come between the failure of the step and its parking."""
    sku = await sagas.stocked(2)
    order_id = await sagas.place(an_order((sku, 2), method=DECLINED))
    await sagas.until_running(f"payment-{order_id}")
    await sagas.run(AdjustStock(aggregate_id=sku, difference=-2, reason=AdjustmentReason.LOST))
    await sagas.until(f"saga-{order_id}", "DiscrepancyFound")
    await sagas.pay_with(order_id, VISA)
    await sagas.parked(order_id, "create_shipment")
    receipt = ReceiveStock(aggregate_id=sku, quantity=2)
    await CommandHandler(sagas.store).handle(Step("test", f"{sku}/unnoticed", sku), receipt)

    await reconciliation.recover()

    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.until(f"saga-{order_id}", "SagaUnparked")
    assert sorted(await sagas.events(f"saga-{order_id}")) == [
        *("DiscrepancyFound", "DiscrepancyResolved", "SagaParked", "SagaUnparked")
    ]
    assert await sagas.inventory(sku) == InventoryState(
        received=4, adjusted=-2, reservations={order_id: 2}
    )
