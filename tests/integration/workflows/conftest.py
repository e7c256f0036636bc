"""A worker of each test's own: real Temporal, real PostgreSQL, real simulators over HTTP.

The carrier's news do not reach these sagas by themselves: a test says when the parcel leaves.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from temporalio.client import Client

from activities.failed_attempts import FailedAttempts
from domain.catalogue.commands import ListProduct
from domain.command import Command
from domain.ids import order_id_for
from domain.inventory.commands import ReceiveStock
from domain.inventory.decide import INVENTORY
from domain.inventory.state import InventoryState
from domain.money import Money
from domain.news import ShipmentNews, ShipmentReported
from domain.order.commands import PlaceOrder
from domain.order.lines import Address, OrderLine
from eventstore.pool import Pool
from eventstore.postgres import PostgresEventStore
from projections.inline import InlineReadModels
from providers.http_carrier import HttpCarrier
from providers.stripe_payments import StripePayments
from stack.servers import Servers
from tests.integration.keys import PAYLOAD_KEYS, a_vault
from worker import saga_activities, temporal_worker
from workflows.orchestrator import SagaOrchestrator
from workflows.temporal_client import data_converter
from workflows.types import Deadlines, SagaType

PATIENT = Deadlines(
    provider_patience=timedelta(seconds=30),
    payment_window=timedelta(minutes=5),
    dispatch=timedelta(minutes=5),
    delivery=timedelta(minutes=5),
    return_window=timedelta(milliseconds=10),
    undo_patience=timedelta(minutes=5),
    parked_retry=timedelta(minutes=5),
    backorder=timedelta(minutes=5),
    return_delivery=timedelta(minutes=5),
)
NORMAL, REFUSED, DOWN, NEVER_DISPATCHED = "10115", "00000", "00503", "00001"
"""Postal codes that the carrier simulator reacts to: see docs/CARRIER.md."""


def an_order(
    *lines: tuple[str, int],
    key: str | None = None,
    method: str = "pm_card_visa",
    postal_code: str = NEVER_DISPATCHED,
) -> PlaceOrder:
    """An order of these SKUs and quantities, each piece at 250 cents."""
    customer, key = "customer-1", key or uuid.uuid4().hex
    ordered = tuple(OrderLine(sku=sku, quantity=n, unit_price=250) for sku, n in lines)
    return PlaceOrder(
        aggregate_id=order_id_for(customer, key),
        customer_id=customer,
        lines=ordered,
        total=Money(amount=sum(line.total for line in ordered), currency="EUR"),
        payment_method=method,
        shipping_address=Address(
            name="Ada Lovelace",
            street="1 Example Street",
            city="Sampleton",
            postal_code=postal_code,
            country="DE",
        ),
        fingerprint=repr(lines),
    )


@dataclass
class Sagas:
    client: Client
    store: PostgresEventStore
    task_queue: str
    deadlines: Deadlines = field(default=PATIENT)

    @property
    def orchestrator(self) -> SagaOrchestrator:
        return SagaOrchestrator(self.client, task_queue=self.task_queue, deadlines=self.deadlines)

    def within(self, **deadlines: timedelta) -> Sagas:
        return replace(self, deadlines=replace(self.deadlines, **deadlines))

    async def run(self, command: Command) -> int:
        return await self.orchestrator.execute(
            command, idempotency_key=uuid.uuid4().hex, actor="operator:test"
        )

    async def stocked(self, quantity: int) -> str:
        """A new SKU with so many on hand."""
        sku = f"sku-{uuid.uuid4().hex[:12]}"
        await self.run(
            ListProduct(aggregate_id=sku, name="Thing", price=Money(amount=250, currency="EUR"))
        )
        await self.run(ReceiveStock(aggregate_id=sku, quantity=quantity))
        return sku

    async def place(self, order: PlaceOrder) -> str:
        accepted = await self.orchestrator.start_saga(SagaType.ORDER, order, actor="customer:test")
        return accepted.order_id

    async def hear(self, order_id: str, *news: ShipmentNews) -> None:
        for item in news:
            await self.orchestrator.handle_event(ShipmentReported(order_id, item))

    async def events(self, stream_id: str) -> list[str]:
        return [event.type for event in await self.store.load_events(stream_id)]

    async def until(self, stream_id: str, event_type: str) -> list[str]:
        """The stream's event types, once this one is among them."""
        async with asyncio.timeout(30):
            while event_type not in (types := await self.events(stream_id)):  # noqa: ASYNC110 - a fact to wait for
                await asyncio.sleep(0.01)
        return types

    async def end(self, order_id: str) -> str | None:
        """What the order's workflow returned."""
        async with asyncio.timeout(60):
            end: str | None = await self.client.get_workflow_handle(f"order-{order_id}").result()
        return end

    async def inventory(self, sku: str) -> InventoryState:
        stored = await self.store.load_events(INVENTORY.stream(sku))
        return INVENTORY.fold(event.decode() for event in stored)


@pytest.fixture
async def sagas(
    servers: Servers, pool: Pool, payments: StripePayments, carrier: HttpCarrier
) -> AsyncIterator[Sagas]:
    vault = a_vault(pool)
    store = PostgresEventStore(pool, [InlineReadModels()], vault)
    client = await Client.connect(
        servers.temporal_address, data_converter=data_converter(PAYLOAD_KEYS)
    )
    task_queue = f"test-{uuid.uuid4()}"
    activities = saga_activities(store, vault, payments, carrier)
    async with temporal_worker(client, task_queue, activities, FailedAttempts(pool)):
        yield Sagas(client, store, task_queue)
