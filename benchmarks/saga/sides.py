"""Start Waybill and each peer, with a client that places orders on it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final
from uuid import uuid4

import httpx
from temporalio.client import Client, WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from benchmarks.saga.naive import NaiveOrder, NaiveOrderWorkflow, order_workflow_id
from benchmarks.saga.noop import NoopWorkflow
from benchmarks.saga.orders import CUSTOMER
from benchmarks.saga.webhooks import Notification
from benchmarks.saga.world import World
from demo.client import Client as GraphQL
from domain.order.commands import PlaceOrder
from domain.provider_notifications import ShipmentNotification
from orchestrator.saga_orchestrator import SagaOrchestrator
from providers.http import pooled_client
from stack import programs
from stack.http import answers
from stack.ports import LOOPBACK, Ports
from stack.temporal import polled_by_worker, worked_for
from stack.tokens import Role, token
from temporal.client import deadlines
from workflows.types import Deadlines, SagaType

OURS: Final = "ours"
API: Final = "api"
TEMPORAL_PEERS: Final = "peers"
DBOS: Final = "dbos"
NAIVE_NAME: Final = "naive saga (temporalio)"
NOOP_NAME: Final = "no-op workflow"
DBOS_NAME: Final = f"dbos {version('dbos')}"


class Ours:
    def __init__(self, orchestrator: SagaOrchestrator) -> None:
        self.handle_event = orchestrator.handle_event
        self._orchestrator = orchestrator

    async def place(self, order: PlaceOrder) -> None:
        order = order.model_copy(update={"promises": self._orchestrator.promises})
        await self._orchestrator.start_saga(SagaType.ORDER, order, actor="customer:bench")


class OverGraphQL:
    def __init__(self, ours: Ours, client: GraphQL) -> None:
        self.handle_event = ours.handle_event
        self._client = client

    async def place(self, order: PlaceOrder) -> None:
        """Place the order. Its fingerprint is the key, which gives the same order id."""
        address = order.shipping_address.model_dump()
        address["postalCode"] = address.pop("postal_code")
        await self._client.change(
            "PlaceOrder",
            idempotencyKey=order.fingerprint,
            lines=[{"sku": line.sku, "quantity": line.quantity} for line in order.lines],
            paymentMethod=order.payment_method,
            shippingAddress=address,
        )


class Naive:
    def __init__(self, client: Client, deadlines: Deadlines) -> None:
        self._client = client
        self._deadlines = deadlines

    async def place(self, order: PlaceOrder) -> None:
        await self._client.execute_update_with_start_workflow(
            NaiveOrderWorkflow.placed,
            start_workflow_operation=WithStartWorkflowOperation(
                NaiveOrderWorkflow.run,
                NaiveOrder(order, self._deadlines),
                id=order_workflow_id(order.aggregate_id),
                task_queue=TEMPORAL_PEERS,
                id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            ),
        )

    async def handle_event(self, event: Notification) -> None:
        """Signal shipments only: the provider's answer has already settled the payment."""
        if isinstance(event, ShipmentNotification):
            handle = self._client.get_workflow_handle(order_workflow_id(event.order_id))
            await handle.signal(NaiveOrderWorkflow.shipment_notification, event)


class OnDbos:
    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def place(self, order: PlaceOrder) -> None:
        await self._post("/orders", order.model_dump_json())

    async def handle_event(self, event: Notification) -> None:
        """Send shipments only: the provider's answer has already settled the payment."""
        if isinstance(event, ShipmentNotification):
            await self._post(f"/orders/{event.order_id}/notifications/{event.kind}")

    async def _post(self, path: str, body: str | None = None) -> None:
        (await self._http.post(path, content=body)).raise_for_status()


class Noop:
    def __init__(self, client: Client) -> None:
        self._client = client

    async def run(self) -> None:
        """Run one workflow from its start to its result."""
        await self._client.execute_workflow(
            NoopWorkflow.run, id=f"noop-{uuid4()}", task_queue=TEMPORAL_PEERS
        )


async def started_ours(world: World) -> Ours:
    build_id = world.environment["WAYBILL_WORKER_BUILD_ID"]
    is_ready = worked_for(world.settings.temporal_address, OURS, build_id)
    await world.start(OURS, is_ready, "worker.py", "--roles", "sagas")
    return Ours(
        SagaOrchestrator(world.client, task_queue=OURS, deadlines=deadlines(world.settings))
    )


@asynccontextmanager
async def started_api(world: World) -> AsyncIterator[OverGraphQL]:
    """Start the API process in front of the worker, and yield a client for it."""
    ours = await started_ours(world)
    port = Ports.free().http_port
    url = f"http://{LOOPBACK}:{port}"
    await world.start(API, answers(f"{url}/healthz"), *programs.api_command(port), task_queue=OURS)
    secret = world.settings.jwt_secret.get_secret_value()
    async with pooled_client() as http:
        yield OverGraphQL(ours, GraphQL(http, url, token(secret, Role.CUSTOMER, CUSTOMER)))


async def started_naive(world: World) -> Naive:
    await _start_temporal_peers(world)
    return Naive(world.client, deadlines(world.settings))


async def started_noop(world: World) -> Noop:
    await _start_temporal_peers(world)
    return Noop(world.client)


async def _start_temporal_peers(world: World) -> None:
    is_ready = polled_by_worker(world.settings.temporal_address, TEMPORAL_PEERS)
    await world.start(TEMPORAL_PEERS, is_ready, "-m", "benchmarks.saga.peer_worker")


@asynccontextmanager
async def started_dbos(world: World) -> AsyncIterator[OnDbos]:
    port = Ports.free().http_port
    url = f"http://{LOOPBACK}:{port}"
    await world.start(
        DBOS, answers(f"{url}/healthz"), "-m", "benchmarks.saga.dbos_worker", f"{port}"
    )
    async with pooled_client(url, {"Content-Type": "application/json"}) as http:
        yield OnDbos(http)
