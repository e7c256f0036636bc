"""Run sagas on one worker and reconciliation on another; a test says when to reconcile."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from types import MethodType
from typing import Any, TypeVar

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from activities.command_handler import CommandHandler, Step
from activities.reconciliation import changed_orders
from activities.reconciliation.comparison import ReconciliationActivitiesImpl
from activities.reconciliation.provider_comparison import ProviderComparison
from activities.types.reconciliation import ReconcileInput, RecoveryResult
from domain.saga.commands import InterveneOnStep, Intervention, ParkStep
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool
from projections.inline import InlineReadModels
from providers.http_carrier import HttpCarrier
from providers.stripe_payments import StripePayments
from roles.temporal_worker import (
    Activity,
    reconciliation_activities,
    saga_activities,
    temporal_worker,
)
from settings import Settings
from stack.servers import Servers
from temporal.client import data_converter
from temporal.schedules import RECONCILIATION, RECOVERY
from tests.support.gates import Gates
from tests.support.keys import PAYLOAD_KEYS, a_vault
from tests.support.sagas import PATIENT, Sagas, an_order
from tests.support.simulators import SimulatorProcess
from workflows.reconciliation import ReconciliationResult, ReconciliationWorkflow, RecoveryWorkflow

R = TypeVar("R")
Providers = tuple[StripePayments, HttpCarrier]
NO_TIME = timedelta(0)


@dataclass
class Reconciliation:
    client: Client
    task_queue: str

    async def recover(self, order_id: str | None = None) -> RecoveryResult:
        return await self._run(RecoveryWorkflow.run, order_id)

    async def compare(self, order_id: str | None = None) -> ReconciliationResult:
        return await self._run(ReconciliationWorkflow.run, order_id)

    async def _run(
        self, run: Callable[[Any, ReconcileInput], Awaitable[R]], order_id: str | None
    ) -> R:
        return await self.client.execute_workflow(
            run,
            ReconcileInput(order_id),
            id=f"reconciliation-{uuid.uuid4()}",
            task_queue=self.task_queue,
        )


def activities_for(
    sagas: Sagas, pool: Pool, providers: Providers, grace: timedelta = NO_TIME, batch: int = 200
) -> list[Activity]:
    """Return the activities of a worker that reconciles these sagas."""
    settings = Settings(
        _env_file=None,
        task_queue=sagas.task_queue,
        return_window=PATIENT.return_window,
        reconcile_grace=grace,
        reconcile_batch=batch,
    )
    store = PostgresEventStore(pool, [InlineReadModels()])
    compared = ProviderComparison(CommandHandler(store), *providers)
    return reconciliation_activities(settings, sagas.client, pool, store, compared)


@pytest.fixture
async def client(servers: Servers) -> Client:
    return await Client.connect(
        servers.temporal_address, data_converter=data_converter(PAYLOAD_KEYS)
    )


@pytest.fixture
def providers(payments: StripePayments, carrier: HttpCarrier) -> Providers:
    return payments, carrier


BEGUN = "INSERT INTO eventstore.checkpoint VALUES ($1, 0)"
"""Set the checkpoint, so that the comparison begins at the start of the log."""


@pytest.fixture
async def sagas_by(
    pool: Pool,
    providers: Providers,
    payment_simulator: SimulatorProcess,
    carrier_simulator: SimulatorProcess,
) -> Callable[[Client], Sagas]:
    """Return a function that builds sagas for a client. No worker runs them yet."""
    await pool.execute(BEGUN, changed_orders.CHECKPOINT)

    def sagas_by(client: Client) -> Sagas:
        vault = a_vault(pool)
        store = PostgresEventStore(pool, [InlineReadModels()], vault)
        activities = {a.__name__: a for a in saga_activities(pool, store, vault, *providers)}
        queue, simulators = f"test-{uuid.uuid4()}", (payment_simulator, carrier_simulator)
        return Sagas(client, queue, store, *simulators, activities, Gates())

    return sagas_by


@pytest.fixture
def idle_sagas(client: Client, sagas_by: Callable[[Client], Sagas]) -> Sagas:
    """Sagas without a worker."""
    return sagas_by(client)


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
    """Record that the step failed for good, and that an operator skipped it."""
    handler = CommandHandler(sagas.store)
    park = ParkStep(
        aggregate_id=order_id, step=step, undoing=False, code="X", message="x", workflow_id="w"
    )
    skip = InterveneOnStep(
        aggregate_id=order_id, step=step, parking=1, kind=Intervention.SKIP, reason="by hand"
    )
    await handler.handle(Step("by-hand", f"park/{step}", order_id), park)
    await handler.handle(Step("by-hand", f"intervene/{step}", order_id), skip)


async def a_waiting_order(sagas: Sagas) -> str:
    """Return an order that is paid and whose parcel waits for its collection."""
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    return order_id


async def reference(sagas: Sagas, order_id: str) -> str:
    stored = await sagas.store.load_events(f"payment-{order_id}")
    return next(str(e.data["reference"]) for e in stored if "reference" in e.data)


@pytest.fixture
def comparing(sagas: Sagas, pool: Pool, providers: Providers) -> ReconciliationActivitiesImpl:
    """The activities themselves, to do something between two looks."""
    return reconciling(sagas, pool, providers)


def reconciling(
    sagas: Sagas, pool: Pool, providers: Providers, grace: timedelta = NO_TIME, batch: int = 200
) -> ReconciliationActivitiesImpl:
    registered = activities_for(sagas, pool, providers, grace, batch)
    compare = next(a for a in registered if a.__name__ == "compare")
    assert isinstance(compare, MethodType)
    assert isinstance(compare.__self__, ReconciliationActivitiesImpl)
    return compare.__self__


async def forget_schedules(client: Client) -> None:
    """Delete the schedules, and end the workflows that they have started."""
    for job in (RECOVERY, RECONCILIATION):
        with contextlib.suppress(RPCError):  # there is none
            await client.get_schedule_handle(job.id).delete()
        with contextlib.suppress(RPCError):  # it has ended
            await client.get_workflow_handle(job.id).terminate()
