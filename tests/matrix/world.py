"""Hold the real parts that all cases share, and the operations of a test on them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from typing import Any, Final, TypeVar

from temporalio.client import Client, WorkflowExecutionDescription, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities.command_handler import CommandHandler, Step
from benchmarks.saga.orders import CENTS
from domain.aggregate import Aggregate
from domain.ids import refund_workflow_id
from domain.inventory.commands import ReceiveStock
from domain.money import Money
from domain.order.commands import PlaceOrder
from domain.order.price import Price
from domain.product.commands import ListProduct
from eventstore.envelope import StoredEvent
from eventstore.postgres import PostgresEventStore
from kit.eventually import eventually
from kit.local_http import local_client
from kit.pool import Pool
from providers.stripe_payments import StripePayments
from queries.sagas import SagaQueries
from tests.matrix.script import Scripts
from tests.matrix.worker import Surroundings
from tests.support.simulators import Receiver, SimulatorProcess

S = TypeVar("S")

SETTLE_SECONDS: Final = 30
POLL_SECONDS: Final = 0.05
QUANTITY, PRICE = 2, CENTS
DISCOUNT, SHIPPING, TAX, SHIPPING_TAX = 51, 100, 85, 19
TOTAL: Final = QUANTITY * PRICE - DISCOUNT + SHIPPING + TAX + SHIPPING_TAX
RUNNING: Final = WorkflowExecutionStatus.RUNNING
COMPLETED: Final = WorkflowExecutionStatus.COMPLETED


@dataclass(frozen=True)
class World:
    client: Client
    pool: Pool
    store: PostgresEventStore
    sagas: SagaQueries
    payments: SimulatorProcess
    carrier: SimulatorProcess
    payment_client: StripePayments
    receiver: Receiver
    scripts: Scripts
    surroundings: Surroundings
    processes: ForkServerContext
    shared_queue: str
    owner_url: str
    """The database for its owner, who may change the log."""

    async def offer(self, sku: str, pieces: int) -> None:
        await self.receive(sku, pieces, "first")
        price = Money(amount=PRICE, currency="EUR")
        step = Step("matrix", f"{sku}/list", sku)
        await self._handler.handle(step, ListProduct(aggregate_id=sku, name="Thing", price=price))

    async def receive(self, sku: str, pieces: int, key: str) -> None:
        step = Step("matrix", f"{sku}/{key}", sku)
        if pieces:
            await self._handler.handle(step, ReceiveStock(aggregate_id=sku, quantity=pieces))

    async def state(self, aggregate: Aggregate[S], aggregate_id: str) -> S:
        return await self._handler.load(aggregate, aggregate_id)

    async def events(self, stream_id: str) -> Sequence[StoredEvent]:
        return await self.store.load_events(stream_id)

    async def until_logged(self, stream_id: str, event_type: str) -> StoredEvent:
        """Wait for the first event of this type, and return it."""
        while True:
            for stored in await self.events(stream_id):
                if stored.type == event_type:
                    return stored
            await asyncio.sleep(POLL_SECONDS)

    async def is_running(self, workflow_id: str) -> bool:
        return await self.status_of(workflow_id) is RUNNING

    async def status_of(self, workflow_id: str) -> WorkflowExecutionStatus | None:
        """Return the workflow's status, or None when there is no workflow."""
        described = await self._describe(workflow_id)
        return described.status if described else None

    async def until_idle(self, *workflow_ids: str) -> None:
        """Wait until nothing of these workflows runs or is pending."""

        async def are_idle() -> bool:
            return all([await self._is_idle(name) for name in workflow_ids])

        await eventually(are_idle, None, POLL_SECONDS)

    async def _is_idle(self, workflow_id: str) -> bool:
        """Return whether the workflow has started and is at rest now and a moment later."""
        before, after = await self._at_rest(workflow_id), None
        if before is not None:
            await asyncio.sleep(4 * POLL_SECONDS)
            after = await self._at_rest(workflow_id)
        return before is not None and before == after

    async def _at_rest(self, workflow_id: str) -> int | None:
        """Return the length of its history, or None while something of it is pending."""
        described = await self._describe(workflow_id)
        if described is None:
            return None
        raw = described.raw_description
        is_moving = raw.pending_activities or raw.HasField("pending_workflow_task")
        return None if is_moving or described.status is not RUNNING else described.history_length

    async def _describe(self, workflow_id: str) -> WorkflowExecutionDescription | None:
        try:
            return await self.client.get_workflow_handle(workflow_id).describe()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return None

    async def served(self, provider: str, order_id: str) -> Mapping[str, Mapping[str, int]]:
        """Return the faults that the provider's simulator has served to the order."""
        simulator = {"payments": self.payments, "carrier": self.carrier}[provider]
        async with local_client() as http:
            answer = await http.get(f"{simulator.url}/control", params={"order_id": order_id})
        counts: Mapping[str, Mapping[str, int]] = answer.json()
        return counts

    async def rows(self, query: str, key: str) -> Sequence[tuple[object, ...]]:
        return [tuple(row) for row in await self.pool.fetch(query, key)]

    @property
    def _handler(self) -> CommandHandler:
        return CommandHandler(self.store)


def workflow_id(kind: str, order_id: str) -> str:
    """Return the id of this workflow of the order. It has one refund at most."""
    return refund_workflow_id(order_id, 1) if kind == "refund" else f"{kind}-{order_id}"


def in_parts(order: PlaceOrder) -> PlaceOrder:
    """Return the order with a discount, shipping and tax."""
    [line] = order.lines
    line = line.model_copy(update={"discount": DISCOUNT, "tax": TAX})
    price = Price.of([line], "EUR", shipping=SHIPPING, shipping_tax=SHIPPING_TAX)
    return order.model_copy(update={"lines": (line,), "price": price})


class NotSettled(Exception):
    """A person of the case goes on although the test has cancelled it."""


async def settled(*tasks: asyncio.Task[Any]) -> None:
    """Cancel the tasks that still run, and raise the errors of those that failed.

    It cancels repeatedly: a call to a server may take a cancellation for a timeout and retry.
    Raises NotSettled rather than let all other cases wait for one.
    """
    loop = asyncio.get_running_loop()
    give_up = loop.time() + SETTLE_SECONDS
    while running := [task for task in tasks if not task.done()]:
        if loop.time() > give_up:
            raise NotSettled([task.get_coro() for task in running])
        for task in running:
            task.cancel()
        await asyncio.wait(running, timeout=4 * POLL_SECONDS)
    for task in tasks:
        if not task.cancelled():
            task.result()
