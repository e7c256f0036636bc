"""Place orders and follow them, by way of the orchestrator alone.

The benchmarks, the tests of the sagas and the fault matrix drive their orders with it.
"""

from __future__ import annotations

import uuid
from asyncio import timeout
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final, TypeVar

from temporalio.client import Client, WorkflowHandle

from benchmarks.saga.orders import CUSTOMER
from domain.command import Command
from domain.ids import order_workflow_id
from domain.inventory.commands import ReceiveStock
from domain.order.commands import CancellationReason, PlaceOrder
from domain.order.lines import ReturnedLine
from domain.provider_notifications import ShipmentNotification, ShipmentNotificationKind
from orchestrator.saga_orchestrator import SagaOrchestrator
from workflows.types import Deadlines, SagaType

CUSTOMER_ACTOR: Final = "customer:test"
OPERATOR_ACTOR: Final = "operator:test"
END_TIMEOUT_SECONDS: Final = 60

D = TypeVar("D", bound="OrderDriver")


@dataclass(frozen=True)
class OrderDriver:
    """Acts as the customer, the operator and the carrier of orders.

    Each act has a new idempotency key, unless the caller repeats it and gives the key.
    """

    client: Client
    task_queue: str
    deadlines: Deadlines = field(kw_only=True)

    @property
    def orchestrator(self) -> SagaOrchestrator:
        return SagaOrchestrator(self.client, task_queue=self.task_queue, deadlines=self.deadlines)

    def within(self: D, **deadlines: timedelta) -> D:
        return replace(self, deadlines=replace(self.deadlines, **deadlines))

    # Acts of the customer.

    async def place(self, order: PlaceOrder) -> str:
        """Place the order with the promises of these deadlines; return its id."""
        order = order.model_copy(update={"promises": self.deadlines.promises})
        accepted = await self.orchestrator.start_saga(SagaType.ORDER, order, actor=CUSTOMER_ACTOR)
        return accepted.order_id

    async def cancel(self, order_id: str) -> None:
        reason = CancellationReason.CUSTOMER_REQUEST
        await self.orchestrator.compensate_saga(order_id, reason=reason, actor=CUSTOMER_ACTOR)

    async def pay_with(self, order_id: str, method: str, *, key: str | None = None) -> int:
        return await self.orchestrator.retry_payment(
            order_id, method, idempotency_key=key or _new_key(), actor=CUSTOMER_ACTOR
        )

    async def send_back(self, order_id: str, *lines: ReturnedLine, key: str | None = None) -> int:
        """Request the return of these lines, or of the whole order without any."""
        return await self.orchestrator.request_return(
            order_id, lines or None, idempotency_key=key or _new_key(), actor=CUSTOMER_ACTOR
        )

    # Acts of the operator.

    async def run(self, command: Command) -> int:
        return await self.orchestrator.execute(
            command, idempotency_key=_new_key(), actor=OPERATOR_ACTOR
        )

    async def receive(self, sku: str, quantity: int) -> None:
        await self.run(ReceiveStock(aggregate_id=sku, quantity=quantity))

    async def recover(self, order_id: str) -> None:
        """Recover the order's saga as reconciliation does."""
        await self.orchestrator.recover(order_id, CUSTOMER)

    # Acts of the carrier.

    async def notify(self, order_id: str, *kinds: ShipmentNotificationKind) -> None:
        for kind in kinds:
            await self.orchestrator.handle_event(ShipmentNotification(order_id, kind))

    # Facts.

    def workflow(self, order_id: str) -> WorkflowHandle[Any, Any]:
        return self.client.get_workflow_handle(order_workflow_id(order_id))

    async def end(self, order_id: str) -> str | None:
        """Return the result of the order's workflow. Raises TimeoutError."""
        async with timeout(END_TIMEOUT_SECONDS):
            end: str | None = await self.workflow(order_id).result()
        return end


def _new_key() -> str:
    return uuid.uuid4().hex
