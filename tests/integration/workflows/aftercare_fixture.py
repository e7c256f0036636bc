"""Orders that have ended, and what their customer's bank reports then."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.ids import aftercare_workflow_id
from domain.provider_notifications import (
    PaymentNotification,
    PaymentNotificationKind,
    ShipmentNotificationKind,
)
from kit.eventually import eventually
from providers.carrier_simulator.routes import LOST, NEVER_COMES_BACK, NORMAL
from tests.support.sagas import Sagas, an_order

PAID: Final = {"authorized": (1, 500), "captured": (1, 500)}
REFUNDED: Final = {**PAID, "refunded": (1, 500)}
MONTH: Final = timedelta(days=30)


async def aftercare_ended(sagas: Sagas, order_id: str) -> None:
    handle = sagas.client.get_workflow_handle(aftercare_workflow_id(order_id))

    async def has_ended() -> bool:
        try:
            described = await handle.describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return described.status is WorkflowExecutionStatus.COMPLETED

    await eventually(has_ended)


async def bank_reports(sagas: Sagas, order_id: str, kind: PaymentNotificationKind) -> None:
    await sagas.orchestrator.handle_event(PaymentNotification(order_id, 1, kind))


async def facts(sagas: Sagas, stream_id: str) -> list[dict[str, Any]]:
    return [event.data for event in await sagas.store.load_events(stream_id)]


async def lapsed(sagas: Sagas, window: timedelta) -> tuple[str, str]:
    """Return an order of two pieces, whose return has lapsed, and its SKU."""
    sku = await sagas.stocked(2)
    patient = sagas.within(return_window=window, return_delivery=timedelta(milliseconds=50))
    order_id = await patient.arrived(an_order((sku, 2), postal_code=NEVER_COMES_BACK))
    await sagas.send_back(order_id)
    await sagas.until(f"order-{order_id}", "OrderReturnLapsed")
    return order_id, sku


async def returned(sagas: Sagas) -> tuple[str, str]:
    """Return an order of two pieces that has come back wholly and is refunded, and its SKU."""
    sku = await sagas.stocked(2)
    order_id = await sagas.within(return_window=MONTH).arrived(
        an_order((sku, 2), postal_code=NORMAL)
    )
    await sagas.send_back(order_id)
    await sagas.carrier_simulator.until_recorded(order_id, "returned")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    assert await sagas.end(order_id) == "RETURNED"
    return order_id, sku


async def lost_and_not_refunded(sagas: Sagas) -> str:
    """Return an order of 500 that was cancelled because its parcel is lost; its refund failed."""
    order_id = await sagas.place(an_order((await sagas.stocked(2), 2), postal_code=LOST))
    await sagas.carrier_simulator.until_recorded(order_id, "lost")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.LOST)
    assert await sagas.end(order_id) == "CANCELLED"
    await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)
    await bank_reports(sagas, order_id, PaymentNotificationKind.REFUND)
    return order_id
