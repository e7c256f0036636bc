"""A parcel waits for goods that have come since, and no notification has said so."""

from __future__ import annotations

from activities.command_handler import CommandHandler, Step
from domain.inventory.commands import (
    AdjustmentReason,
    AdjustStock,
    InventoryCommand,
    ReceiveStock,
)
from domain.inventory.state import InventoryState
from providers.payment_simulator.methods import DECLINED, VISA
from tests.integration.reconciliation.conftest import Reconciliation
from tests.support.sagas import Sagas, an_order


async def unnoticed(sagas: Sagas, command: InventoryCommand) -> None:
    """Change the stock. No workflow attends to the change."""
    step = Step("test", f"{command.aggregate_id}/{command.command_type}", command.aggregate_id)
    await CommandHandler(sagas.store).handle(step, command)


async def test_the_recovery_books_a_parcel_of_an_order_that_was_never_known_to_be_short(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    """The goods may be gone and come back before any comparison: only the parking says so."""
    sku = await sagas.stocked(2)
    order_id = await sagas.place(an_order((sku, 2), method=DECLINED))
    await sagas.until_running(f"payment-{order_id}")
    lost = AdjustStock(aggregate_id=sku, difference=-2, reason=AdjustmentReason.LOST)
    await unnoticed(sagas, lost)
    await sagas.pay_with(order_id, VISA)
    await sagas.parked(order_id, "create_shipment")
    await unnoticed(sagas, ReceiveStock(aggregate_id=sku, quantity=2))

    await reconciliation.recover()

    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.until(f"saga-{order_id}", "SagaUnparked")
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


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
    await unnoticed(sagas, ReceiveStock(aggregate_id=sku, quantity=2))

    await reconciliation.recover()

    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.until(f"saga-{order_id}", "SagaUnparked")
    assert sorted(await sagas.events(f"saga-{order_id}")) == [
        *("DiscrepancyFound", "DiscrepancyResolved", "SagaParked", "SagaUnparked")
    ]
    assert await sagas.inventory(sku) == InventoryState(
        received=4, adjusted=-2, reservations={order_id: 2}
    )
