"""Operators read the ledger of a real saga, and their interventions take effect."""

from __future__ import annotations

from activities.types.parking import InterventionInput
from benchmarks.saga.driver import key_use
from domain.provider_notifications import ShipmentNotificationKind
from domain.saga.commands import Intervention
from providers.carrier_simulator.routes import REFUSED
from providers.payment_simulator.methods import DECLINED, VISA
from queries.saga_ledger import SagaStatus, SagaView, StepView
from queries.saga_records import AttemptOutcome
from queries.saga_states import StepState
from queries.sagas import SagaQueries
from tests.support.sagas import Sagas, an_order
from tests.support.simulators import SimulatorProcess


async def read(ledger: SagaQueries, order_id: str) -> SagaView:
    saga = await ledger.get(order_id)
    assert saga is not None
    return saga


def step(saga: SagaView, name: str) -> StepView:
    return next(step for step in saga.steps if step.name == name)


async def test_a_refused_capture_parks_and_continues_after_an_intervention(
    sagas: Sagas, ledger: SagaQueries, payment_simulator: SimulatorProcess
) -> None:
    order = an_order((await sagas.stocked(5), 2))
    order_id = order.aggregate_id
    with payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.place(order)
        await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.until(f"saga-{order_id}", "SagaParked")
    parked = await read(ledger, order_id)
    parking = parked.parked["capture"]

    assert parked.status is SagaStatus.PARKED
    capture = step(parked, "capture")
    assert (capture.state, capture.attempt_count) == (StepState.FAILED, 1)
    assert capture.last_error is not None
    assert capture.last_error.code == parking.code == "PROVIDER_REFUSED"
    assert step(parked, "await_dispatch").state is StepState.DONE

    intervene = InterventionInput(
        order_id, "capture", 1, Intervention.RETRY, "the bank is back", "operator:eve"
    )
    await sagas.orchestrator.intervene(parking.workflow_id, intervene, key=key_use("intervene"))
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    going = await read(ledger, order_id)

    assert (going.status, going.needs_attention) == (SagaStatus.FORWARD, False)
    capture = step(going, "capture")
    assert (capture.state, capture.attempt_count, capture.parking) == (StepState.DONE, 2, None)
    assert step(going, "await_delivery").state is StepState.RUNNING
    assert [(d.kind, d.actor) for d in going.interventions] == [
        (Intervention.RETRY, "operator:eve")
    ]


async def test_a_compensating_saga_shows_the_failed_step_and_the_undos(
    sagas: Sagas, ledger: SagaQueries
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(5), 2), postal_code=REFUSED))
    await sagas.end(order_id)
    saga = await read(ledger, order_id)

    assert (saga.status, saga.needs_attention) == (SagaStatus.FINAL, False)
    shown = {s.name: s.state for s in saga.steps if s.state is not StepState.PLANNED}
    assert shown == {
        "reserve": StepState.UNDONE,
        "authorize": StepState.UNDONE,
        "await_payment": StepState.DONE,
        "create_shipment": StepState.UNDONE,
        "cancel": StepState.DONE,
    }
    shipment = step(saga, "create_shipment")
    assert shipment.attempt_count == 1
    assert shipment.last_error is not None
    assert shipment.last_error.code == "PROVIDER_REFUSED"


async def test_a_declined_attempt_stays_readable_once_the_order_is_paid(
    sagas: Sagas, ledger: SagaQueries
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), method=DECLINED))
    await sagas.until(f"payment-{order_id}", "PaymentDeclined")
    await sagas.orchestrator.retry_payment(
        order_id, VISA, key=key_use("retryPayment"), actor="customer:test"
    )
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    saga = await read(ledger, order_id)

    declined, paid = step(saga, "authorize").attempts
    assert (declined.outcome, declined.code) == (AttemptOutcome.DECLINED, "generic_decline")
    assert (paid.outcome, paid.code) == (AttemptOutcome.SUCCEEDED, None)
    stored = await sagas.store.load_events(f"payment-{order_id}")
    requested, declined_at, again, authorized = [event.recorded_at for event in stored]
    assert (declined.started_at, declined.ended_at) == (requested, declined_at)
    assert (paid.started_at, paid.ended_at) == (again, authorized)
    assert [declined.reference, paid.reference] == [stored[n].data["reference"] for n in (1, 3)]
    [booked] = step(saga, "create_shipment").attempts
    [created] = await sagas.store.load_events(f"shipment-{order_id}")
    assert booked.reference == created.data["shipment_id"]


async def test_a_release_is_undone_while_the_undo_beside_it_is_parked(
    sagas: Sagas, ledger: SagaQueries, payment_simulator: SimulatorProcess
) -> None:
    sku = await sagas.stocked(5)
    order_id = await sagas.place(an_order((sku, 2)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    with payment_simulator.failing(order_id, "cancel", "refuse"):
        await sagas.cancel(order_id)
        await sagas.parked(order_id, "give_back")
        await sagas.until(f"inventory-{sku}", "InventoryReleased")
        saga = await read(ledger, order_id)

    release = step(saga, "reserve").undo
    assert release is not None
    released = (await sagas.store.load_events(f"inventory-{sku}"))[-1]
    assert (released.type, release.state) == ("InventoryReleased", StepState.UNDONE)
    assert release.ended_at == released.recorded_at
    assert step(saga, "authorize").state is StepState.FAILED
