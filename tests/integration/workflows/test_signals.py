"""A signal from the Temporal Web UI is recorded as Temporal's: its sender is not verified."""

from __future__ import annotations

import pytest
from temporalio.client import WorkflowUpdateFailedError

from domain.provider_notifications import ShipmentNotificationKind
from domain.saga.commands import Intervention
from providers.payment_simulator.methods import DECLINED, VISA
from tests.support.sagas import Sagas, an_order
from workflows.saga_workflow import MAX_REASON
from workflows.types import InterventionSignal


async def parked_at_capture(sagas: Sagas) -> str:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.parked(order_id, "capture")
    return order_id


@pytest.mark.parametrize(
    ("signal", "reason"),
    [
        (
            InterventionSignal("mended", "admin:the-boss"),
            "mended (unverified, as admin:the-boss)",
        ),
        (InterventionSignal("mended"), "mended"),
        (
            InterventionSignal("x" * MAX_REASON, "ada"),
            "x" * (MAX_REASON - len(" (unverified, as ada)")) + " (unverified, as ada)",
        ),
    ],
    ids=["with a claim", "without a claim", "with the longest reason"],
)
async def test_a_signal_is_recorded_as_from_temporal_and_unverified(
    sagas: Sagas, signal: InterventionSignal, reason: str
) -> None:
    order_id = await parked_at_capture(sagas)

    await sagas.workflow(order_id).signal("retry_saga", signal)

    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    retried = (await sagas.store.load_events(f"saga-{order_id}"))[-1]
    assert (retried.type, retried.metadata.actor) == ("SagaRetried", "temporal")
    assert retried.data["reason"] == reason


async def test_a_signal_without_a_reason_changes_nothing(sagas: Sagas) -> None:
    order_id = await parked_at_capture(sagas)

    await sagas.workflow(order_id).signal("retry_saga", InterventionSignal(" ", "admin:the-boss"))
    await sagas.intervene(order_id, "capture", Intervention.RETRY)

    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    stored = await sagas.store.load_events(f"saga-{order_id}")
    assert [event.type for event in stored] == ["SagaParked", "SagaRetried"]
    assert stored[-1].metadata.actor == "operator:test"


@pytest.mark.parametrize("of", ["order", "payment"])
async def test_signals_and_updates_with_other_arguments_change_nothing(
    sagas: Sagas, of: str
) -> None:
    """An operator has forgotten the input. The workflow continues."""
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), method=DECLINED))
    await sagas.until_running(f"payment-{order_id}")
    workflow = sagas.client.get_workflow_handle(f"{of}-{order_id}")
    unfit: tuple[list[object], ...] = ([], [None], ["mug"], [{}, {}])
    for arguments in unfit:
        await workflow.signal("payment_notification", args=arguments)
    if of == "order":
        await workflow.signal("stock_received", args=["mug"])
    for update in {"order": ("cancel", "request_return"), "payment": ("retry",)}[of]:
        with pytest.raises(WorkflowUpdateFailedError):
            await workflow.execute_update(update, args=[{}, {}])

    await sagas.pay_with(order_id, VISA)

    await sagas.until(f"payment-{order_id}", "PaymentAuthorized")
    await sagas.cancel(order_id)
    assert await sagas.end(order_id) == "CANCELLED"
