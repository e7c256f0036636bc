"""Comparing Temporal with the log finds the missing sagas, and they continue from the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime

import pytest
from temporalio.client import Client

from activities.reconciliation import recovery
from domain.inventory.state import InventoryState
from domain.provider_notifications import ShipmentNotificationKind
from domain.saga.commands import Intervention
from kit.eventually import eventually
from kit.leadership import leading
from kit.pool import Connection, Pool
from orchestrator.order_workflows import TemporalOrderWorkflows
from providers.stripe_payments import StripePayments
from roles.temporal_worker import temporal_worker
from tests.integration.reconciliation.conftest import Reconciliation, reference
from tests.support.sagas import Sagas, an_order
from tests.support.temporal_calls import TemporalCalls


async def a_shipment_waits(sagas: Sagas, sku: str) -> str:
    """Return an order that waits for its parcel to leave."""
    order_id = await sagas.place(an_order((sku, 2)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    return order_id


async def test_a_terminated_saga_is_recovered_and_completes(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    sku = await sagas.stocked(5)
    order_id = await a_shipment_waits(sagas, sku)
    await sagas.terminate(order_id)

    reconciled = await reconciliation.recover()

    assert reconciled.order_ids == (order_id,)
    await sagas.deliver(order_id)
    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaRecovered"]
    assert await sagas.inventory(sku) == InventoryState(received=5, shipped=2)
    assert await sagas.money(order_id) == {"authorized": (1, 500), "captured": (1, 500)}
    assert await sagas.carrier_simulator.effects(order_id) == {"created": (1, 2)}


async def test_a_saga_that_runs_is_left_alone(sagas: Sagas, reconciliation: Reconciliation) -> None:
    order_id = await a_shipment_waits(sagas, await sagas.stocked(5))
    assert (await reconciliation.recover()).count == 0
    assert await sagas.events(f"saga-{order_id}") == []


async def test_an_ended_order_is_never_recovered(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    sku = await sagas.stocked(5)
    completed = await a_shipment_waits(sagas, sku)
    await sagas.deliver(completed)
    await sagas.end(completed)
    rejected = await sagas.place(an_order((sku, 9)))
    assert await sagas.end(rejected) == "REJECTED"

    assert (await reconciliation.recover()).count == 0
    assert (await reconciliation.recover(completed)).count == 0
    assert "SagaRecovered" not in await sagas.events(f"saga-{completed}")
    assert await sagas.events(f"saga-{rejected}") == []


async def test_concurrent_reconciliations_recover_a_saga_once(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await a_shipment_waits(sagas, await sagas.stocked(5))
    await sagas.terminate(order_id)

    runs = await asyncio.gather(*(reconciliation.recover() for _ in range(4)))

    assert sum(run.count for run in runs) == 1
    assert await sagas.events(f"saga-{order_id}") == ["SagaRecovered"]


async def test_a_saga_that_cannot_start_leaves_no_event_and_stops_no_other(
    sagas: Sagas, reconciliation: Reconciliation, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku = await sagas.stocked(5)
    rejected, other = await a_shipment_waits(sagas, sku), await a_shipment_waits(sagas, sku)
    await sagas.terminate(rejected)
    await sagas.terminate(other)
    start = TemporalOrderWorkflows.recover

    async def reject(self: TemporalOrderWorkflows, order_id: str, customer_id: str) -> None:
        if order_id == rejected:
            raise RuntimeError("no mapping defined for search attribute")
        await start(self, order_id, customer_id)

    with monkeypatch.context() as patched:
        patched.setattr(TemporalOrderWorkflows, "recover", reject)
        for taken in ((other,), ()):
            recoveries = await reconciliation.recover()
            assert recoveries.order_ids == taken
            assert recoveries.failed_orders.why.keys() == {rejected}
    assert await sagas.events(f"saga-{rejected}") == []

    assert (await reconciliation.recover()).order_ids == (rejected,)
    assert await sagas.events(f"saga-{rejected}") == ["SagaRecovered"]


async def test_an_order_unknown_to_temporal_stops_no_other(
    sagas: Sagas, reconciliation: Reconciliation, monkeypatch: pytest.MonkeyPatch
) -> None:
    sku = await sagas.stocked(5)
    unclear, other = await a_shipment_waits(sagas, sku), await a_shipment_waits(sagas, sku)
    await sagas.terminate(unclear)
    await sagas.terminate(other)
    ask = TemporalOrderWorkflows.is_running

    async def unknown(self: TemporalOrderWorkflows, order_id: str) -> bool:
        if order_id == unclear:
            raise ValueError("99 is not a valid WorkflowExecutionStatus")
        return await ask(self, order_id)

    monkeypatch.setattr(TemporalOrderWorkflows, "is_running", unknown)
    recoveries = await reconciliation.recover()

    assert recoveries.order_ids == (other,)
    assert recoveries.failed_orders.why.keys() == {unclear}


async def test_a_run_waits_while_another_is_about_to_start_one(
    sagas: Sagas, reconciliation: Reconciliation, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = TemporalOrderWorkflows.recover
    begun, second_is_there = asyncio.Event(), asyncio.Event()

    async def held(self: TemporalOrderWorkflows, order_id: str, customer_id: str) -> None:
        begun.set()
        await second_is_there.wait()
        await start(self, order_id, customer_id)

    @asynccontextmanager
    async def leading_once_begun(pool: Pool, name: str) -> AsyncIterator[Connection]:
        if begun.is_set():
            second_is_there.set()
        async with leading(pool, name) as connection:
            yield connection

    order_id = await a_shipment_waits(sagas, await sagas.stocked(5))
    await sagas.terminate(order_id)
    monkeypatch.setattr(TemporalOrderWorkflows, "recover", held)
    monkeypatch.setattr(recovery, "leading", leading_once_begun)
    first = asyncio.create_task(reconciliation.recover())
    await asyncio.wait_for(begun.wait(), 20)
    second = await reconciliation.recover()

    assert ((await first).count, second.count) == (1, 0)
    assert await sagas.events(f"saga-{order_id}") == ["SagaRecovered"]


async def test_a_saga_may_be_recovered_repeatedly(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    order_id = await a_shipment_waits(sagas, await sagas.stocked(5))
    for times in (1, 2, 3):
        await sagas.terminate(order_id)
        assert (await reconciliation.recover()).order_ids == (order_id,)
        assert await sagas.events(f"saga-{order_id}") == ["SagaRecovered"] * times
    await sagas.deliver(order_id)
    assert await sagas.end(order_id) == "COMPLETED"


async def test_an_operator_recovers_a_single_order(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    sku = await sagas.stocked(5)
    wanted, other = await a_shipment_waits(sagas, sku), await a_shipment_waits(sagas, sku)
    await sagas.terminate(wanted)
    await sagas.terminate(other)

    assert (await reconciliation.recover(wanted)).order_ids == (wanted,)
    assert await sagas.events(f"saga-{other}") == []


async def test_an_order_older_than_an_ended_order_is_still_found(
    sagas: Sagas, reconciliation: Reconciliation
) -> None:
    sku = await sagas.stocked(9)
    older, newer = await a_shipment_waits(sagas, sku), await a_shipment_waits(sagas, sku)
    await sagas.deliver(newer)
    await sagas.end(newer)
    await reconciliation.recover()
    await sagas.terminate(older)

    assert (await reconciliation.recover()).order_ids == (older,)


async def test_a_workflow_missing_from_the_index_is_asked_itself(
    sagas: Sagas, reconciliation: Reconciliation, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nothing(_: object) -> dict[str, datetime]:
        return {}

    order_id = await a_shipment_waits(sagas, await sagas.stocked(5))
    monkeypatch.setattr("orchestrator.order_workflows.TemporalOrderWorkflows.running", nothing)

    assert (await reconciliation.recover()).count == 0
    assert await sagas.events(f"saga-{order_id}") == []


async def test_an_operator_settles_a_step_of_a_saga_that_has_just_been_recovered(
    idle_sagas: Sagas,
) -> None:
    """The recovered run has not read yet what an earlier one has left parked."""
    sagas, calls = idle_sagas, TemporalCalls()
    client = await Client.connect(
        sagas.client.service_client.config.target_host,
        data_converter=sagas.client.data_converter,
        interceptors=[calls],
    )

    async def is_asked() -> bool:
        return calls.workflow_ids == [f"order-{order_id}"]

    activities = list(sagas.activities.values())
    async with temporal_worker(sagas.client, sagas.task_queue, activities):
        order_id = await a_shipment_waits(sagas, await sagas.stocked(5))
        with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
            await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
            await sagas.parked(order_id, "capture")
    await sagas.terminate(order_id)
    await sagas.recover(order_id)
    operator = replace(sagas, client=client)
    settling = asyncio.create_task(operator.intervene(order_id, "capture", Intervention.SKIP))
    await eventually(is_asked)

    async with temporal_worker(sagas.client, sagas.task_queue, activities):
        await settling
        await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)
        assert await sagas.end(order_id) == "COMPLETED"

    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaStepSkipped"]


async def test_a_recovered_saga_sends_nothing_whose_hold_has_ended_meanwhile(
    sagas: Sagas, reconciliation: Reconciliation, payments: StripePayments
) -> None:
    order_id = await a_shipment_waits(sagas, await sagas.stocked(5))
    await sagas.terminate(order_id)
    held = await reference(sagas, order_id)
    await payments.void(order_id=order_id, attempt=1, amount=500, currency="EUR", reference=held)

    assert (await reconciliation.recover()).order_ids == (order_id,)

    await sagas.until(f"order-{order_id}", "OrderConfirmationWithdrawn")
    assert (await sagas.events(f"shipment-{order_id}"))[-1] == "ShipmentStopped"
    assert await sagas.events(f"saga-{order_id}") == ["SagaRecovered"]
    assert await sagas.money(order_id) == {"authorized": (1, 500), "voided": (1, 500)}
