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
from domain.idempotency import KeyUse
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

    async def cancel(self, order_id: str, *, key: str | None = None) -> int:
        requested = await self.orchestrator.compensate_saga(
            order_id,
            reason=CancellationReason.CUSTOMER_REQUEST,
            actor=CUSTOMER_ACTOR,
            key=key_use("cancelOrder", key, order=order_id),
        )
        return requested.position

    async def pay_with(self, order_id: str, method: str, *, key: str | None = None) -> int:
        use = key_use("retryPayment", key, order=order_id, method=method)
        retried = await self.orchestrator.retry_payment(
            order_id, method, key=use, actor=CUSTOMER_ACTOR
        )
        return retried.position

    async def send_back(self, order_id: str, *lines: ReturnedLine, key: str | None = None) -> int:
        """Request the return of these lines, or of the whole order without any."""
        use = key_use("requestReturn", key, order=order_id, lines=str(lines))
        requested = await self.orchestrator.request_return(
            order_id, lines or None, key=use, actor=CUSTOMER_ACTOR
        )
        return requested.position

    # Acts of the operator.

    async def run(self, command: Command) -> int:
        key = key_use(command.command_type)
        return (await self.orchestrator.execute(command, key=key, actor=OPERATOR_ACTOR)).position

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


def key_use(operation: str, key: str | None = None, **data: str) -> KeyUse:
    """Return a use of this idempotency key with this input, by default of a new key.

    Each order has a customer of its own, so that orders may share a key.
    """
    person = f"customer of {data['order']}" if "order" in data else "test"
    return KeyUse.of(person, operation, key or uuid.uuid4().hex, data)
