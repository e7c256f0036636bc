"""Operators read the ledger of a real saga, and their interventions take effect."""

from __future__ import annotations

from activities.types import InterventionInput
from benchmarks.saga.driver import key_use
from domain.provider_notifications import ShipmentNotificationKind
from domain.saga.commands import Intervention
from providers.carrier_simulator.routes import REFUSED
from queries.saga_ledger import SagaStatus, SagaView, StepView
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
    assert (capture.state, capture.attempts) == (StepState.FAILED, 1)
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
    assert (capture.state, capture.attempts, capture.parking) == (StepState.DONE, 2, None)
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
    assert shipment.attempts == 1
    assert shipment.last_error is not None
    assert shipment.last_error.code == "PROVIDER_REFUSED"
