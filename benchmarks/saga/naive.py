"""Run the order saga in the style of Temporal's samples.

Each step is an activity with default options. The payment is a child workflow; it and its parent
signal each other. This saga never compensates, so it does less than Waybill's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.workflow import ParentClosePolicy

from benchmarks.saga.steps import Hold, Steps
from domain.order.commands import PlaceOrder
from domain.provider_notifications import ShipmentNotification, ShipmentNotificationKind
from workflows.types import Deadlines

DISPATCHED, DELIVERED = ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.DELIVERED
A = TypeVar("A")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class NaiveOrder:
    command: PlaceOrder
    deadlines: Deadlines


def order_workflow_id(order_id: str) -> str:
    return f"naive-{order_id}"


def payment_workflow_id(order_id: str) -> str:
    return f"naive-payment-{order_id}"


async def do(step: Callable[[Steps, A], Awaitable[R]], argument: A) -> R:
    """Run the step with the default options. Only the timeout has no default."""
    return await workflow.execute_activity_method(
        step, argument, start_to_close_timeout=timedelta(seconds=40)
    )


@workflow.defn
class NaiveOrderWorkflow:
    def __init__(self) -> None:
        self._is_placed = False
        self._is_authorized = False
        self._is_captured = False
        self._notified: set[ShipmentNotificationKind] = set()

    @workflow.run
    async def run(self, order: NaiveOrder) -> None:
        order_id, deadlines = order.command.aggregate_id, order.deadlines
        await do(Steps.place, order.command)
        self._is_placed = True
        await do(Steps.reserve, order_id)
        payment = await workflow.start_child_workflow(
            NaivePaymentWorkflow.run,
            order_id,
            id=payment_workflow_id(order_id),
            parent_close_policy=ParentClosePolicy.ABANDON,
        )
        await workflow.wait_condition(lambda: self._is_authorized)
        shipment = await do(Steps.create_shipment, order_id)
        await do(Steps.record_shipment, shipment)
        await self._hear({DISPATCHED, DELIVERED}, deadlines.dispatch)
        await do(Steps.record_dispatch, order_id)
        await payment.signal(NaivePaymentWorkflow.capture)
        await workflow.wait_condition(lambda: self._is_captured)
        await self._hear({DELIVERED}, deadlines.delivery)
        await do(Steps.deliver, order_id)
        await workflow.sleep(deadlines.return_window)
        await do(Steps.complete, order_id)

    async def _hear(self, awaited: set[ShipmentNotificationKind], deadline: timedelta) -> None:
        """Wait for one of these notifications. A delivered parcel was dispatched as well."""
        await workflow.wait_condition(lambda: bool(awaited & self._notified), timeout=deadline)

    @workflow.update
    async def placed(self) -> None:
        await workflow.wait_condition(lambda: self._is_placed)

    @workflow.signal
    def shipment_notification(self, report: ShipmentNotification) -> None:
        self._notified.add(report.kind)

    @workflow.signal
    def payment_authorized(self) -> None:
        self._is_authorized = True

    @workflow.signal
    def payment_captured(self) -> None:
        self._is_captured = True


@workflow.defn
class NaivePaymentWorkflow:
    def __init__(self) -> None:
        self._is_to_capture = False

    @workflow.run
    async def run(self, order_id: str) -> None:
        order: workflow.ExternalWorkflowHandle[NaiveOrderWorkflow]
        order = workflow.get_external_workflow_handle_for(
            NaiveOrderWorkflow.run, order_workflow_id(order_id)
        )
        await do(Steps.request_payment, order_id)
        hold: Hold = await do(Steps.authorize, order_id)
        await do(Steps.record_authorization, hold)
        await order.signal(NaiveOrderWorkflow.payment_authorized)
        await workflow.wait_condition(lambda: self._is_to_capture)
        await do(Steps.capture, hold)
        await do(Steps.record_capture, order_id)
        await order.signal(NaiveOrderWorkflow.payment_captured)

    @workflow.signal
    def capture(self) -> None:
        self._is_to_capture = True
