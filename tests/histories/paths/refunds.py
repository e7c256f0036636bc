"""Play the refunds that an operator requests or repeats."""

from __future__ import annotations

from typing import Final

from benchmarks.saga.driver import key_use
from domain.ids import refund_workflow_id
from domain.order.commands import RequestRefund
from domain.provider_notifications import PaymentNotification, PaymentNotificationKind
from domain.saga.commands import Intervention
from tests.histories.paths.carrier_failures import parcel_lost
from tests.histories.paths.common import named
from tests.histories.paths.deliveries import delivered
from tests.support.sagas import Sagas


async def refund_failed_late(sagas: Sagas) -> str:
    order_id = await parcel_lost(sagas)
    await sagas.end(order_id)
    await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)
    refund = PaymentNotification(order_id, 1, PaymentNotificationKind.REFUND)
    await sagas.orchestrator.handle_event(refund)
    await sagas.intervene(order_id, "refund_again_1", Intervention.RETRY)
    await sagas.client.get_workflow_handle(f"aftercare-{order_id}").result()
    return order_id


async def refund_requested(sagas: Sagas) -> str:
    order_id = await delivered(sagas)
    await sagas.end(order_id)
    await _promise_refund(sagas, order_id)
    await sagas.client.get_workflow_handle(refund_workflow_id(order_id, 1)).result()
    return order_id


async def refund_requested_and_resolved(sagas: Sagas) -> str:
    order_id = await delivered(sagas)
    await sagas.end(order_id)
    with sagas.payment_simulator.failing(order_id, "refund", "refuse"):
        await _promise_refund(sagas, order_id)
        await sagas.parked(order_id, "refund_order_1")
    await sagas.intervene(order_id, "refund_order_1", Intervention.RESOLVE)
    await sagas.client.get_workflow_handle(refund_workflow_id(order_id, 1)).result()
    return order_id


async def refund_stopped_by_a_dispute(sagas: Sagas) -> str:
    order_id = await delivered(sagas)
    await sagas.end(order_id)
    dispute = await sagas.payment_simulator.happen("disputes", order_id=order_id)
    await _promise_refund(sagas, order_id)
    await sagas.parked(order_id, "refund_order_1")
    await sagas.payment_simulator.happen(f"disputes/{dispute['id']}", status="won")
    won = PaymentNotification(order_id, 1, PaymentNotificationKind.DISPUTE)
    await sagas.orchestrator.handle_event(won)
    await sagas.client.get_workflow_handle(refund_workflow_id(order_id, 1)).result()
    await sagas.client.get_workflow_handle(f"aftercare-{order_id}").result()
    return order_id


async def _promise_refund(sagas: Sagas, order_id: str) -> None:
    command = RequestRefund(aggregate_id=order_id, key="refund", amount=100, reason="a scratch")
    await sagas.orchestrator.execute(command, key=key_use("refundOrder"), actor="operator:eve")
    await sagas.orchestrator.run_refund(order_id, 1)


PATHS: Final = named(
    refund_failed_late,
    refund_requested,
    refund_requested_and_resolved,
    refund_stopped_by_a_dispute,
)
