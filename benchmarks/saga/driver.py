"""Place orders, and act as their customer, carrier and bank."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import httpx
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from benchmarks.saga.orders import CENTS, order_of
from domain.ids import order_workflow_id, return_workflow_id
from domain.order.commands import CancellationReason
from domain.order.lines import ReturnedLine
from domain.provider_notifications import (
    PaymentNotification,
    ShipmentNotification,
    ShipmentNotificationKind,
)
from domain.shipping.tracking import TrackingInfo
from orchestrator.saga_orchestrator import SagaOrchestrator
from providers.carrier import Carrier, CarrierShipmentStatus
from providers.carrier_simulator.routes import NEVER_DISPATCHED, NORMAL
from providers.payment_simulator.methods import VISA
from providers.payments import PaymentProvider
from workflows.types import Deadlines, SagaType

TRACKING: Final = TrackingInfo(number="T-1", carrier="Post", url="https://post.example/T-1")
DISPATCHED, DELIVERED = ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.DELIVERED
ACTOR: Final = "customer:bench"
LOOK_EVERY_SECONDS: Final = 0.02
SLOWEST_SECONDS: Final = 30.0
FIRST_TASK: Final = 3
"""The history length of a workflow that runs its first task."""
DAY: Final = timedelta(days=1)
PATIENT: Final = Deadlines(
    provider_timeout=DAY,
    undo_timeout=DAY,
    parked_retry=DAY,
    backorder=DAY,
    payment_window=DAY,
    dispatch=DAY,
    delivery=DAY,
    return_window=DAY,
    return_delivery=DAY,
)
FIRST: Final = 1
"""The number of the first payment attempt."""


@dataclass(frozen=True)
class Desk:
    """Places orders and follows them. The product `sku` is in stock; `sold_out` is not."""

    client: Client
    task_queue: str
    carrier: Carrier
    payments: PaymentProvider
    sku: str
    sold_out: str
    deadlines: Deadlines = PATIENT

    @property
    def orchestrator(self) -> SagaOrchestrator:
        return SagaOrchestrator(self.client, task_queue=self.task_queue, deadlines=self.deadlines)

    def with_deadlines(self, **deadlines: timedelta) -> Desk:
        return replace(self, deadlines=replace(self.deadlines, **deadlines))

    async def place(
        self,
        *skus: str,
        method: str = VISA,
        postal_code: str = NEVER_DISPATCHED,
        backorder: bool = False,
    ) -> str:
        order = order_of(uuid.uuid4().hex, skus or [self.sku], method, postal_code)
        promises = self.deadlines.promises
        order = order.model_copy(update={"backorder": backorder, "promises": promises})
        placed = await self.orchestrator.start_saga(SagaType.ORDER, order, actor=ACTOR)
        return placed.order_id

    async def arrived(self, *skus: str, postal_code: str = NORMAL) -> str:
        """Place an order that the carrier also records as delivered; its return window is open."""
        order_id = await self.place(*skus, postal_code=postal_code)
        await self.until_shipped(order_id, CarrierShipmentStatus.DELIVERED)
        await self.hear(order_id, DISPATCHED, DELIVERED)
        await self.idle(order_workflow_id(order_id))
        return order_id

    async def send_back(self, order_id: str, *lines: ReturnedLine) -> None:
        await self.orchestrator.request_return(
            order_id, lines or None, idempotency_key=uuid.uuid4().hex, actor=ACTOR
        )
        await self.idle(return_workflow_id(order_id))

    async def approve(self, order_id: str) -> None:
        """Approve the payment on the bank's page, and pass the notification on."""
        pending = await self.payments.find(
            order_id=order_id, attempt=FIRST, amount=CENTS, currency="EUR"
        )
        async with httpx.AsyncClient() as http:
            page = pending.action_url or ""
            (await http.post(page, data={"outcome": "approve"})).raise_for_status()
        await self.orchestrator.handle_event(PaymentNotification(order_id, FIRST))

    async def hear(self, order_id: str, *notification: ShipmentNotificationKind) -> None:
        for one in notification:
            await self.idle(order_workflow_id(order_id))
            await self.orchestrator.handle_event(
                ShipmentNotification(order_id, one, tracking=TRACKING)
            )

    async def cancel(self, order_id: str) -> None:
        reason = CancellationReason.CUSTOMER_REQUEST
        await self.orchestrator.compensate_saga(order_id, reason=reason, actor=ACTOR)

    async def idle(self, workflow_id: str) -> None:
        """Wait until the workflow waits for an external event."""
        handle = self.client.get_workflow_handle(workflow_id)
        async with asyncio.timeout(SLOWEST_SECONDS):
            while await _is_busy(handle):  # noqa: ASYNC110 - a fact to wait for
                await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def until_shipped(self, order_id: str, status: CarrierShipmentStatus) -> None:
        """Wait until the carrier's records show this status."""
        async with asyncio.timeout(SLOWEST_SECONDS):
            while True:
                found = await self.carrier.find(order_id=order_id)
                if found is not None and found.status is status:
                    return
                await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def closed(self, workflow_id: str) -> None:
        async with asyncio.timeout(SLOWEST_SECONDS):
            await self.client.get_workflow_handle(workflow_id).result()

    async def end(self, order_id: str) -> str:
        async with asyncio.timeout(SLOWEST_SECONDS):
            handle = self.client.get_workflow_handle(order_workflow_id(order_id))
            return str(await handle.result())


async def _is_busy(handle: WorkflowHandle[Any, Any]) -> bool:
    try:
        found = (await handle.describe()).raw_description
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return True  # a child that is about to start
    has_begun = found.workflow_execution_info.history_length > FIRST_TASK
    return (
        not has_begun or found.HasField("pending_workflow_task") or bool(found.pending_activities)
    )
