"""Drive an order in steps, each of which waits until every workflow of the order is idle."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from benchmarks.saga.driver import OrderDriver
from benchmarks.saga.orders import CENTS, order_of
from domain.ids import order_workflow_id, return_workflow_id, stock_workflow_id
from domain.order.lines import ReturnedLine
from domain.provider_notifications import (
    PaymentNotification,
    ShipmentNotification,
    ShipmentNotificationKind,
)
from domain.shipping.tracking import TrackingInfo
from kit.eventually import eventually
from kit.local_http import local_client
from providers.carrier import Carrier, CarrierShipmentStatus
from providers.carrier_simulator.routes import NEVER_DISPATCHED, NORMAL
from providers.payment_simulator.methods import VISA
from providers.payments import PaymentProvider
from workflows.types import Deadlines

TRACKING: Final = TrackingInfo(number="T-1", carrier="Post", url="https://post.example/T-1")
DISPATCHED, DELIVERED = ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.DELIVERED
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
class StepwiseDriver(OrderDriver):
    """The product `sku` is in stock; `sold_out` is not."""

    carrier: Carrier
    payments: PaymentProvider
    sku: str
    sold_out: str
    deadlines: Deadlines = field(default=PATIENT, kw_only=True)

    async def buy(
        self,
        *skus: str,
        method: str = VISA,
        postal_code: str = NEVER_DISPATCHED,
        backorder: bool = False,
    ) -> str:
        """Place an order of one piece of each product, or of `sku` without any."""
        lines = [(sku, 1) for sku in skus or [self.sku]]
        return await self.place(
            order_of(uuid.uuid4().hex, lines, method, postal_code, backorder=backorder)
        )

    async def arrived(self, *skus: str, postal_code: str = NORMAL) -> str:
        """Place an order that the carrier also records as delivered; its return window is open."""
        order_id = await self.buy(*skus, postal_code=postal_code)
        await self.until_shipped(order_id, CarrierShipmentStatus.DELIVERED)
        await self.hear(order_id, DISPATCHED, DELIVERED)
        await self.idle(order_workflow_id(order_id))
        return order_id

    async def receive(self, sku: str, quantity: int) -> None:
        """Receive goods, and wait until each order that waited for them is notified."""
        await super().receive(sku, quantity)
        async with asyncio.timeout(SLOWEST_SECONDS):
            await self.client.get_workflow_handle(stock_workflow_id(sku)).result()

    async def send_back(self, order_id: str, *lines: ReturnedLine, key: str | None = None) -> int:
        position = await super().send_back(order_id, *lines, key=key)
        await self.idle(return_workflow_id(order_id))
        return position

    async def approve(self, order_id: str) -> None:
        """Approve the payment on the bank's page, and pass the notification on."""
        pending = await self.payments.find(
            order_id=order_id, attempt=FIRST, amount=CENTS, currency="EUR"
        )
        async with local_client() as http:
            page = pending.action_url or ""
            (await http.post(page, data={"outcome": "approve"})).raise_for_status()
        await self.orchestrator.handle_event(PaymentNotification(order_id, FIRST))

    async def hear(self, order_id: str, *kinds: ShipmentNotificationKind) -> None:
        """Deliver each notification once the order's workflow waits for it."""
        for kind in kinds:
            await self.idle(order_workflow_id(order_id))
            await self.orchestrator.handle_event(
                ShipmentNotification(order_id, kind, tracking=TRACKING)
            )

    async def idle(self, workflow_id: str) -> None:
        """Wait until the workflow waits for an external event."""
        handle = self.client.get_workflow_handle(workflow_id)
        await eventually(lambda: _is_idle(handle), SLOWEST_SECONDS, LOOK_EVERY_SECONDS)

    async def until_shipped(self, order_id: str, status: CarrierShipmentStatus) -> None:
        """Wait until the carrier's records show this status."""

        async def is_shown() -> bool:
            found = await self.carrier.find(order_id=order_id)
            return found is not None and found.status is status

        await eventually(is_shown, SLOWEST_SECONDS, LOOK_EVERY_SECONDS)

    async def closed(self, order_id: str, child_id: str) -> None:
        """Wait until the child has ended and the order's workflow has been informed of it."""
        async with asyncio.timeout(SLOWEST_SECONDS):
            await self.client.get_workflow_handle(child_id).result()

        async def is_informed() -> bool:
            pending = (await self.workflow(order_id).describe()).raw_description.pending_children
            return child_id not in {child.workflow_id for child in pending}

        await eventually(is_informed, SLOWEST_SECONDS, LOOK_EVERY_SECONDS)


async def _is_idle(handle: WorkflowHandle[Any, Any]) -> bool:
    try:
        found = (await handle.describe()).raw_description
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise
        return False  # a child that is about to start
    has_begun = found.workflow_execution_info.history_length > FIRST_TASK
    return has_begun and not (
        found.HasField("pending_workflow_task") or bool(found.pending_activities)
    )
