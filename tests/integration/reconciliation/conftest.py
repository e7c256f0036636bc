"""Sagas on one worker and reconciliation on another; a test says when to reconcile."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from temporalio.client import Client

from activities.books import Books
from activities.command_handler import CommandHandler, Step
from activities.types import Reconcile
from domain.saga.commands import DecideOnStep, Decision, ParkStep
from eventstore.pool import Pool
from eventstore.postgres import PostgresEventStore
from projections.inline import InlineReadModels
from providers.http_carrier import HttpCarrier
from providers.stripe_payments import StripePayments
from settings import Settings
from stack.servers import Servers
from tests.integration.keys import PAYLOAD_KEYS, a_vault
from tests.integration.simulators import SimulatorProcess
from tests.integration.workflows.gates import Gates
from tests.integration.workflows.sagas import PATIENT, Sagas
from worker import Activity, reconciliation_activities, saga_activities, temporal_worker
from workflows.reconciliation import Reconciled, ReconciliationWorkflow
from workflows.temporal_client import data_converter

Providers = tuple[StripePayments, HttpCarrier]
NO_TIME = timedelta(0)


@dataclass
class Reconciliation:
    client: Client
    task_queue: str

    async def run(self, order_id: str | None = None) -> Reconciled:
        return await self.client.execute_workflow(
            ReconciliationWorkflow.run,
            Reconcile(order_id),
            id=f"reconciliation-{uuid.uuid4()}",
            task_queue=self.task_queue,
        )


def activities_for(
    sagas: Sagas, pool: Pool, providers: Providers, grace: timedelta = NO_TIME, books: int = 200
) -> list[Activity]:
    """Of a worker that reconciles these sagas."""
    settings = Settings(
        _env_file=None,
        task_queue=sagas.task_queue,
        return_window=PATIENT.return_window,
        reconcile_grace=grace,
        reconcile_books=books,
    )
    store = PostgresEventStore(pool, [InlineReadModels()])
    compared = Books(CommandHandler(store), *providers)
    return reconciliation_activities(settings, sagas.client, pool, store, compared)


@pytest.fixture
async def client(servers: Servers) -> Client:
    return await Client.connect(
        servers.temporal_address, data_converter=data_converter(PAYLOAD_KEYS)
    )


@pytest.fixture
def providers(payments: StripePayments, carrier: HttpCarrier) -> Providers:
    return payments, carrier


@pytest.fixture
def idle_sagas(
    client: Client,
    pool: Pool,
    providers: Providers,
    payment_simulator: SimulatorProcess,
    carrier_simulator: SimulatorProcess,
) -> Sagas:
    """Nobody works for them yet."""
    vault = a_vault(pool)
    store = PostgresEventStore(pool, [InlineReadModels()], vault)
    activities = {a.__name__: a for a in saga_activities(store, vault, *providers)}
    queue, simulators = f"test-{uuid.uuid4()}", (payment_simulator, carrier_simulator)
    return Sagas(client, store, queue, *simulators, activities, Gates())


@pytest.fixture
async def sagas(idle_sagas: Sagas) -> AsyncIterator[Sagas]:
    activities = list(idle_sagas.activities.values())
    async with temporal_worker(idle_sagas.client, idle_sagas.task_queue, activities):
        yield idle_sagas


@pytest.fixture
async def reconciliation(
    idle_sagas: Sagas, pool: Pool, providers: Providers
) -> AsyncIterator[Reconciliation]:
    queue = f"{idle_sagas.task_queue}-reconciliation"
    activities = activities_for(idle_sagas, pool, providers)
    async with temporal_worker(idle_sagas.client, queue, activities):
        yield Reconciliation(idle_sagas.client, queue)


async def settle_by_hand(sagas: Sagas, order_id: str, step: str) -> None:
    """As if the step had failed for good, and a person had skipped it."""
    handler = CommandHandler(sagas.store)
    park = ParkStep(
        aggregate_id=order_id, step=step, undoing=False, code="X", message="x", workflow_id="w"
    )
    skip = DecideOnStep(
        aggregate_id=order_id, step=step, parking=1, decision=Decision.SKIP, reason="by hand"
    )
    await handler.handle(Step("by-hand", f"park/{step}", order_id), park)
    await handler.handle(Step("by-hand", f"decide/{step}", order_id), skip)
