"""A step that fails for good waits for an operator, and follows the intervention."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from temporalio.client import Client

from activities.types.parking import InterventionInput
from benchmarks.saga.driver import key_use
from domain.errors import ErrorCode, Refused
from domain.inventory.state import InventoryState
from domain.provider_notifications import ShipmentNotificationKind
from domain.saga.commands import Intervention
from tests.support.gates import When
from tests.support.sagas import Sagas, an_order
from workflows.types import InterventionSignal

RETRY, SKIP, RESOLVE, COMPENSATE = Intervention
CAPTURED = {"authorized": (1, 250), "captured": (1, 250)}
VOIDED = {"authorized": (1, 250), "voided": (1, 250)}
HELD = {"authorized": (1, 250)}


async def placed(sagas: Sagas) -> tuple[str, str]:
    """Place an order whose shipment is created; return it and its SKU."""
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    return order_id, sku


async def parked_at_capture(sagas: Sagas) -> tuple[str, str]:
    order_id, sku = await placed(sagas)
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.parked(order_id, "capture")
    return order_id, sku


async def parked_at_give_back(sagas: Sagas) -> tuple[str, str]:
    order_id, sku = await placed(sagas)
    with sagas.payment_simulator.failing(order_id, "cancel", "refuse"):
        await sagas.cancel(order_id)
        await sagas.parked(order_id, "give_back")
    return order_id, sku


async def by_update(sagas: Sagas, order_id: str, step: str, intervention: Intervention) -> None:
    await sagas.intervene(order_id, step, intervention)


async def by_signal(sagas: Sagas, order_id: str, step: str, intervention: Intervention) -> None:
    """Send an intervention as the Web UI or the command line does: plain JSON, not encrypted."""
    name = {
        RETRY: "retry_saga",
        SKIP: "skip_saga_step",
        RESOLVE: "resolve_saga",
        COMPENSATE: "compensate_saga",
    }[intervention]
    await sagas.parked(order_id, step)
    plain = await Client.connect(sagas.client.service_client.config.target_host)
    said = {"reason": "because", "actor": "operator:test", "step": step}
    await plain.get_workflow_handle(f"order-{order_id}").signal(name, said)


async def test_a_refused_capture_parks_the_saga_with_its_reservations(sagas: Sagas) -> None:
    order_id, sku = await parked_at_capture(sagas)

    await sagas.needs_attention(f"order-{order_id}", expected=True)

    assert await sagas.parked(order_id, "capture") == {
        "order_id": order_id,
        "step": "capture",
        "undoing": False,
        "parking": 1,
        "code": "PROVIDER_REFUSED",
        "message": (
            "payments capture: refused with refused_on_request (HTTP 400); change the request"
        ),
        "workflow_id": f"order-{order_id}",
    }
    assert (await sagas.events(f"order-{order_id}"))[-1] == "OrderShipped"
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    assert await sagas.money(order_id) == HELD


@pytest.mark.parametrize(
    ("intervene", "recorded"),
    [
        (by_update, ("because", "operator:test")),
        (by_signal, ("because (unverified, as operator:test)", "temporal")),
    ],
)
@pytest.mark.parametrize(
    ("intervention", "event", "end", "effects"),
    [
        (RETRY, "SagaRetried", "COMPLETED", CAPTURED),
        (SKIP, "SagaStepSkipped", "COMPLETED", VOIDED),
        (RESOLVE, "SagaStepResolved", "COMPLETED", HELD),
        (COMPENSATE, "SagaCompensationRequested", "CANCELLED", VOIDED),
    ],
)
async def test_a_parked_step_follows_the_intervention(  # noqa: PLR0913, PLR0917 - one table
    sagas: Sagas,
    intervene: Callable[[Sagas, str, str, Intervention], Awaitable[None]],
    recorded: tuple[str, str],
    intervention: Intervention,
    event: str,
    end: str,
    effects: dict[str, tuple[int, int]],
) -> None:
    order_id, sku = await parked_at_capture(sagas)

    await intervene(sagas, order_id, "capture", intervention)
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    assert await sagas.end(order_id) == end
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", event]
    made = (await sagas.store.load_events(f"saga-{order_id}"))[-1]
    assert (made.data["reason"], made.metadata.actor) == recorded
    assert await sagas.money(order_id) == effects
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    await sagas.needs_attention(f"order-{order_id}", expected=False)


@pytest.mark.parametrize("intervention", [RETRY, SKIP, RESOLVE])
async def test_an_undo_that_is_refused_parks_while_the_others_are_done(
    sagas: Sagas, intervention: Intervention
) -> None:
    order_id, sku = await parked_at_give_back(sagas)
    await sagas.until(f"inventory-{sku}", "InventoryReleased")
    assert (await sagas.parked(order_id, "give_back"))["undoing"] is True
    assert (await sagas.events(f"order-{order_id}"))[-1] == "OrderCancellationRequested"

    await sagas.intervene(order_id, "give_back", intervention)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.money(order_id) == (VOIDED if intervention is RETRY else HELD)
    assert await sagas.inventory(sku) == InventoryState(received=1)


async def test_of_several_operators_at_once_one_settles_the_step(sagas: Sagas) -> None:
    order_id, _ = await parked_at_capture(sagas)

    answers = await asyncio.gather(
        *(sagas.intervene(order_id, "capture", each) for each in (SKIP, RESOLVE, COMPENSATE)),
        return_exceptions=True,
    )

    refused = [answer for answer in answers if isinstance(answer, Refused)]
    assert [each.code for each in refused] == [ErrorCode.SAGA_NOT_PARKED] * 2
    assert len(await sagas.events(f"saga-{order_id}")) == 2


async def test_an_undone_order_cannot_be_compensated_again(sagas: Sagas) -> None:
    order_id, _ = await parked_at_give_back(sagas)

    with pytest.raises(Refused) as refusal:
        await sagas.intervene(order_id, "give_back", COMPENSATE)
    await by_signal(sagas, order_id, "give_back", COMPENSATE)
    await sagas.intervene(order_id, "give_back", RETRY)

    assert refusal.value.code is ErrorCode.SAGA_ALREADY_COMPENSATING
    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaRetried"]


async def test_an_operators_retry_that_fails_is_parked_again_under_a_new_number(
    sagas: Sagas,
) -> None:
    order_id, _ = await placed(sagas)
    with sagas.payment_simulator.failing(order_id, "capture", "refuse"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.intervene(order_id, "capture", RETRY)
        assert (await sagas.parked(order_id, "capture", times=2))["parking"] == 2

    late = InterventionInput(order_id, "capture", 1, SKIP, "too late", "operator:test")
    with pytest.raises(Refused) as refusal:
        await sagas.orchestrator.intervene(f"order-{order_id}", late, key=key_use("intervene"))
    await sagas.intervene(order_id, "capture", RETRY)
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    assert refusal.value.code is ErrorCode.SAGA_NOT_PARKED
    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == CAPTURED


async def test_an_undo_that_was_not_refused_is_retried_by_the_saga_itself(sagas: Sagas) -> None:
    impatient = sagas.within(
        undo_timeout=timedelta(milliseconds=100), parked_retry=timedelta(milliseconds=100)
    )
    order_id, sku = await placed(impatient)
    with sagas.payment_simulator.failing(order_id, "cancel", "down"):
        await sagas.cancel(order_id)
        parked = await sagas.parked(order_id, "give_back")
        assert (parked["undoing"], parked["code"] == "PROVIDER_REFUSED") == (True, False)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.money(order_id) == VOIDED
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


async def test_a_parked_step_that_was_not_refused_is_retried_automatically(sagas: Sagas) -> None:
    impatient = sagas.within(
        undo_timeout=timedelta(milliseconds=100), parked_retry=timedelta(milliseconds=100)
    )
    order_id, _ = await placed(impatient)
    with sagas.payment_simulator.failing(order_id, "capture", "down"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        assert (await sagas.parked(order_id, "capture"))["code"] != "PROVIDER_REFUSED"
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == CAPTURED
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


async def test_a_step_without_an_answer_is_retried_later(sagas: Sagas) -> None:
    order_id, _ = await placed(sagas.within(undo_timeout=timedelta(milliseconds=100)))
    with sagas.payment_simulator.failing(order_id, "capture", "down"):
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.needs_attention(f"order-{order_id}", expected=True)

    assert len(await sagas.timers(f"order-{order_id}")) == 1


@pytest.mark.parametrize("parked", [parked_at_capture, parked_at_give_back])
async def test_a_step_that_its_provider_refused_waits_for_an_operator(
    sagas: Sagas, parked: Callable[[Sagas], Awaitable[tuple[str, str]]]
) -> None:
    order_id, _ = await parked(sagas)
    await sagas.needs_attention(f"order-{order_id}", expected=True)

    assert await sagas.timers(f"order-{order_id}") == []


async def test_an_overdue_parcel_that_has_arrived_needs_no_attention(sagas: Sagas) -> None:
    order_id, _ = await placed(sagas.within(delivery=timedelta(milliseconds=100)))
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    assert (await sagas.parked(order_id, "await_delivery"))["code"] == "OVERDUE"
    await sagas.needs_attention(f"order-{order_id}", expected=True)

    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


async def test_an_operator_may_give_up_an_overdue_parcel_for_a_refund(
    sagas: Sagas,
) -> None:
    order_id, sku = await placed(sagas.within(delivery=timedelta(milliseconds=100)))
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)

    await sagas.intervene(order_id, "await_delivery", COMPENSATE)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.money(order_id) == {**CAPTURED, "refunded": (1, 250)}
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)


async def test_a_recovered_saga_compensates_after_a_recorded_cancellation(
    sagas: Sagas,
) -> None:
    order_id, _ = await parked_at_capture(sagas)
    await sagas.terminate(order_id)
    intervene = InterventionInput(
        order_id, "capture", 1, Intervention.COMPENSATE, "gone", "operator:test"
    )
    await sagas.stray("intervene", order_id, intervene)

    await sagas.recover(order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.money(order_id) == {"authorized": (1, 250), "voided": (1, 250)}


async def test_an_intervention_that_the_log_cannot_hold_is_refused(
    sagas: Sagas,
) -> None:
    order_id, _ = await parked_at_capture(sagas)
    handle = sagas.workflow(order_id)

    await handle.signal("retry_saga", InterventionSignal("because", actor="operator:\x00"))
    await sagas.intervene(order_id, "capture", Intervention.RETRY)

    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaRetried"]


async def test_an_intervention_that_only_the_log_has_is_followed(
    sagas: Sagas,
) -> None:
    """Its answer, and the workflow task that it came with, were lost."""
    order_id, _ = await parked_at_capture(sagas)
    lost = InterventionInput(order_id, "capture", 1, RETRY, "because", "operator:lost")
    await sagas.stray("intervene", order_id, lost)

    with pytest.raises(Refused) as refusal:
        await sagas.intervene(order_id, "capture", SKIP)
    await sagas.notify(order_id, ShipmentNotificationKind.DELIVERED)

    assert refusal.value.code is ErrorCode.SAGA_NOT_PARKED
    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaRetried"]
    assert await sagas.money(order_id) == CAPTURED


async def test_an_intervention_without_a_reason_is_refused(
    sagas: Sagas,
) -> None:
    order_id, _ = await parked_at_capture(sagas)
    silent = InterventionInput(order_id, "capture", 1, SKIP, " ", "operator:test")

    with pytest.raises(Refused) as refusal:
        await sagas.orchestrator.intervene(f"order-{order_id}", silent, key=key_use("intervene"))

    assert (refusal.value.code, refusal.value.field) == (
        ErrorCode.INVALID_INPUT,
        ("input", "reason"),
    )
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked"]


WRONG_STATE = Refused(ErrorCode.WRONG_STATE, "as the test wants it")


async def parked_at_reserve(sagas: Sagas) -> tuple[str, str]:
    sku = await sagas.stocked(1)
    order = an_order((sku, 2))  # the placement reserves nothing
    sagas.gates.fail("reserve", order.aggregate_id, WRONG_STATE)
    order_id = await sagas.place(order)
    await sagas.needs_attention(f"order-{order_id}", expected=True)
    return order_id, sku


async def by_customer(sagas: Sagas, order_id: str) -> None:
    await sagas.cancel(order_id)


async def in_temporal(sagas: Sagas, order_id: str) -> None:
    await sagas.workflow(order_id).cancel()


@pytest.mark.parametrize("cancel", [by_customer, in_temporal])
async def test_a_cancellation_ends_the_parking_of_a_forward_step(
    sagas: Sagas, cancel: Callable[[Sagas, str], Awaitable[None]]
) -> None:
    order_id, sku = await parked_at_reserve(sagas)

    await cancel(sagas, order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]
    assert await sagas.inventory(sku) == InventoryState(received=1)
    await sagas.needs_attention(f"order-{order_id}", expected=False)


async def test_an_order_cancelled_as_it_parks_does_not_stay_parked(
    sagas: Sagas,
) -> None:
    order = an_order((await sagas.stocked(1), 2))
    order_id = order.aggregate_id
    sagas.gates.fail("reserve", order_id, WRONG_STATE)

    async with sagas.gates.stopped("park", order_id, When.AFTER) as gate:
        placing = asyncio.create_task(sagas.place(order))
        await gate.reached()
        await in_temporal(sagas, order_id)
    await placing

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaUnparked"]


@pytest.mark.parametrize("step", ["deliver", "complete"])
@pytest.mark.parametrize("intervention", [SKIP, RESOLVE])
async def test_an_order_whose_last_steps_cannot_be_passed_over_ends_by_a_retry(
    sagas: Sagas, step: str, intervention: Intervention
) -> None:
    order_id, _ = await placed(sagas)
    sagas.gates.fail(step, order_id, WRONG_STATE)
    await sagas.deliver(order_id)

    with pytest.raises(Refused) as refusal:
        await sagas.intervene(order_id, step, intervention)
    await sagas.intervene(order_id, step, RETRY)

    assert refusal.value.code is ErrorCode.WRONG_STATE
    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"saga-{order_id}") == ["SagaParked", "SagaRetried"]


async def test_the_stock_of_a_cancelled_order_cannot_be_passed_over(sagas: Sagas) -> None:
    order_id, sku = await placed(sagas)
    sagas.gates.fail("release", order_id, WRONG_STATE)
    await sagas.cancel(order_id)

    with pytest.raises(Refused):
        await sagas.intervene(order_id, "release", SKIP)
    await sagas.intervene(order_id, "release", RETRY)

    assert await sagas.end(order_id) == "CANCELLED"
    assert (await sagas.inventory(sku)).reservations == {}


async def test_a_cancelled_workflow_stays_parked_at_its_undo_and_loses_nothing(
    sagas: Sagas,
) -> None:
    order_id, _ = await parked_at_give_back(sagas)

    await sagas.workflow(order_id).cancel()
    await sagas.intervene(order_id, "give_back", RETRY)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.money(order_id) == VOIDED
