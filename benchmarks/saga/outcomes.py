"""Orders driven to each end there is, one step at a time, so that each run goes the same way.

Nobody is told anything before everybody waits: what would be merged into one workflow task by
chance never is. The carrier's webhooks are not passed on; its news are told when it is their turn.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from benchmarks.saga.costs import Cost, cost_of
from benchmarks.saga.orders import order_of
from domain.ids import order_workflow_id, payment_workflow_id, return_workflow_id
from domain.news import ShipmentNews, ShipmentReported
from domain.order.commands import CancellationReason
from domain.order.state import FINAL, OrderStatus
from providers.carrier import Carrier, ShipmentStatus
from workflows.orchestrator import SagaOrchestrator
from workflows.types import Deadlines, SagaType

NORMAL, REFUSED, NEVER_DISPATCHED, LOST = "10115", "00000", "00001", "00004"
"""Postal codes that the carrier simulator reacts to: see docs/CARRIER.md."""
VISA, DECLINED = "pm_card_visa", "pm_card_chargeDeclined"
DISPATCHED, DELIVERED = ShipmentNews.DISPATCHED, ShipmentNews.DELIVERED
ACTOR: Final = "customer:bench"
LOOK_EVERY_SECONDS: Final = 0.02
SLOWEST_SECONDS: Final = 30.0
FIRST_TASK: Final = 3
"""The events of a workflow whose first task is under way."""
DAY: Final = timedelta(days=1)
PATIENT: Final = Deadlines(
    provider_patience=DAY,
    undo_patience=DAY,
    parked_retry=DAY,
    backorder=DAY,
    payment_window=DAY,
    dispatch=DAY,
    delivery=DAY,
    return_window=DAY,
    return_delivery=DAY,
)
SOON: Final = timedelta(seconds=2)
"""Later than anything else that is under way, and soon enough to be waited for."""


@dataclass(frozen=True)
class Desk:
    """From where an order is placed and followed. `sku` and `sold_out` can be ordered."""

    client: Client
    task_queue: str
    carrier: Carrier
    sku: str
    sold_out: str
    deadlines: Deadlines = PATIENT

    @property
    def orchestrator(self) -> SagaOrchestrator:
        return SagaOrchestrator(self.client, task_queue=self.task_queue, deadlines=self.deadlines)

    def with_deadlines(self, **deadlines: timedelta) -> Desk:
        return replace(self, deadlines=replace(self.deadlines, **deadlines))

    async def place(
        self, sku: str = "", method: str = VISA, postal_code: str = NEVER_DISPATCHED
    ) -> str:
        order = order_of(uuid.uuid4().hex, [sku or self.sku], method, postal_code)
        placed = await self.orchestrator.start_saga(SagaType.ORDER, order, actor=ACTOR)
        return placed.order_id

    async def hear(self, order_id: str, *news: ShipmentNews) -> None:
        for one in news:
            await self.idle(order_workflow_id(order_id))
            await self.orchestrator.handle_event(ShipmentReported(order_id, one))

    async def cancel(self, order_id: str) -> None:
        reason = CancellationReason.CUSTOMER_REQUEST
        await self.orchestrator.compensate_saga(order_id, reason=reason, actor=ACTOR)

    async def idle(self, workflow_id: str) -> None:
        """Returns once it waits for something outside."""
        handle = self.client.get_workflow_handle(workflow_id)
        async with asyncio.timeout(SLOWEST_SECONDS):
            while await _is_busy(handle):  # noqa: ASYNC110 - a fact to wait for
                await asyncio.sleep(LOOK_EVERY_SECONDS)

    async def until_shipped(self, order_id: str, status: ShipmentStatus) -> None:
        """By the carrier's books."""
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


async def delivered(desk: Desk) -> str:
    """Its return window is open."""
    order_id = await desk.place()
    await desk.hear(order_id, DISPATCHED, DELIVERED)
    await desk.idle(order_workflow_id(order_id))
    return order_id


async def completed(desk: Desk) -> str:
    return await delivered(desk.with_deadlines(return_window=SOON))


async def paid_again(desk: Desk) -> str:
    """Declined, then paid by another method."""
    desk = desk.with_deadlines(return_window=SOON)
    order_id = await desk.place(method=DECLINED)
    await desk.idle(payment_workflow_id(order_id))
    await desk.orchestrator.retry_payment(
        order_id, VISA, idempotency_key=uuid.uuid4().hex, actor=ACTOR
    )
    await desk.closed(payment_workflow_id(order_id))
    await desk.hear(order_id, DISPATCHED, DELIVERED)
    return order_id


async def payment_window_closed(desk: Desk) -> str:
    return await desk.with_deadlines(payment_window=SOON).place(method=DECLINED)


async def out_of_stock(desk: Desk) -> str:
    return await desk.place(sku=desk.sold_out)


async def cancelled_before_shipment(desk: Desk) -> str:
    """While it waits for its payment."""
    order_id = await desk.place(method=DECLINED)
    await desk.idle(payment_workflow_id(order_id))
    await desk.cancel(order_id)
    return order_id


async def cancelled_after_shipment(desk: Desk) -> str:
    """While it waits for the carrier to collect it."""
    order_id = await desk.place()
    await desk.idle(order_workflow_id(order_id))
    await desk.cancel(order_id)
    return order_id


async def carrier_failed(desk: Desk) -> str:
    return await desk.place(postal_code=REFUSED)


async def returned(desk: Desk) -> str:
    order_id = await desk.place(postal_code=NORMAL)
    await desk.until_shipped(order_id, ShipmentStatus.DELIVERED)
    await desk.hear(order_id, DISPATCHED, DELIVERED)
    await desk.idle(order_workflow_id(order_id))
    await desk.orchestrator.request_return(
        order_id, None, idempotency_key=uuid.uuid4().hex, actor=ACTOR
    )
    await desk.idle(return_workflow_id(order_id))
    await desk.orchestrator.handle_event(ShipmentReported(order_id, ShipmentNews.RETURNED))
    return order_id


async def parcel_quicker(desk: Desk) -> str:
    """Cancelled too late: the parcel has left, and nobody has told us yet."""
    desk = desk.with_deadlines(return_window=SOON)
    order_id = await desk.place(postal_code=NORMAL)
    await desk.until_shipped(order_id, ShipmentStatus.DELIVERED)
    await desk.idle(order_workflow_id(order_id))
    await desk.cancel(order_id)
    await desk.hear(order_id, DELIVERED)
    return order_id


async def lost(desk: Desk) -> str:
    """By the carrier, on its way to the customer."""
    order_id = await desk.place(postal_code=LOST)
    await desk.until_shipped(order_id, ShipmentStatus.LOST)
    await desk.hear(order_id, DISPATCHED, ShipmentNews.LOST)
    return order_id


@dataclass(frozen=True)
class Outcome:
    name: str
    status: OrderStatus
    most: Cost
    """Exactly what it costs now: a change has to be meant."""
    drive: Callable[[Desk], Awaitable[str]]

    async def cost(self, desk: Desk) -> Cost:
        """Drive an order of its own to this end. Raises AssertionError if it comes to another."""
        order_id = await self.drive(desk)
        if self.status in FINAL and (status := await desk.end(order_id)) != self.status:
            raise AssertionError(f"an order to be {self.name} has become {status}")
        return await cost_of(desk.client, order_id)


OUTCOMES: Final = (
    Outcome("delivered", OrderStatus.DELIVERED, Cost(40, 12), delivered),
    Outcome("completed", OrderStatus.COMPLETED, Cost(47, 14), completed),
    Outcome("declined_then_paid", OrderStatus.COMPLETED, Cost(75, 20), paid_again),
    Outcome("payment_window_closed", OrderStatus.CANCELLED, Cost(47, 12), payment_window_closed),
    Outcome("out_of_stock", OrderStatus.REJECTED, Cost(13, 4), out_of_stock),
    Outcome("cancelled_unpaid", OrderStatus.CANCELLED, Cost(59, 14), cancelled_before_shipment),
    Outcome("cancelled_shipment", OrderStatus.CANCELLED, Cost(48, 14), cancelled_after_shipment),
    Outcome("carrier_failed", OrderStatus.CANCELLED, Cost(40, 12), carrier_failed),
    Outcome("parcel_lost", OrderStatus.CANCELLED, Cost(58, 16), lost),
    Outcome("returned", OrderStatus.RETURNED, Cost(83, 23), returned),
    Outcome("parcel_quicker", OrderStatus.COMPLETED, Cost(60, 19), parcel_quicker),
)
