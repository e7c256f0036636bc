"""Test races with certainty: a gate holds one side until the other has happened.

A stray attempt has the effect of a lost workflow task: it has changed the log, and the workflow
does not know of it.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from temporalio import workflow
from temporalio.api.enums.v1 import EventType
from temporalio.client import WithStartWorkflowOperation, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from activities.types import (
    AuthorizationResult,
    AuthorizeInput,
    CancellationInput,
    PlaceInput,
    RejectInput,
)
from domain.errors import ErrorCode, Refused
from domain.ids import order_workflow_id, payment_workflow_id
from domain.inventory.state import InventoryState
from domain.order.commands import CancellationReason
from domain.provider_notifications import ShipmentNotificationKind
from providers.carrier import ShipmentAddress, ShipmentItem
from providers.carrier_simulator.routes import NORMAL
from providers.http_carrier import HttpCarrier
from providers.payment_simulator.methods import APPROVAL, DECLINED, VISA
from tests.support.gates import When
from tests.support.sagas import Sagas, an_order
from worker import temporal_worker
from workflows.order import OrderWorkflow
from workflows.payment import PaymentWorkflow
from workflows.types import (
    OrderWorkflowInput,
    PaymentResult,
    PaymentRetryInput,
    PaymentWorkflowInput,
)

PAID = {"authorized": (1, 250), "captured": (1, 250)}
VOIDED = {"authorized": (1, 250), "voided": (1, 250)}

A_TASK = timedelta(seconds=1)
"""A workflow task that runs a local activity is renewed before this, and brings what has come."""


def by_customer(order_id: str) -> CancellationInput:
    return CancellationInput(order_id, CancellationReason.CUSTOMER_REQUEST, "customer:test")


# A payment workflow that could not be started, or has not been yet.


@workflow.defn(name="Squatter")
class Squatter:
    """A workflow that only occupies a workflow id."""

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)


async def test_an_order_is_cancelled_though_its_payment_workflow_did_not_start(
    sagas: Sagas,
) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 1), method=DECLINED)
    order_id = order.aggregate_id
    squatter = await sagas.client.start_workflow(
        Squatter.run, id=f"payment-{order_id}", task_queue="no-worker"
    )
    await sagas.place(order)
    await sagas.until_written(order_id, EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED)

    await sagas.cancel(order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    await squatter.terminate()


async def test_a_payment_whose_workflow_id_was_taken_starts_when_it_is_free(
    sagas: Sagas,
) -> None:
    order = an_order((await sagas.stocked(1), 1), method=DECLINED)
    order_id = order.aggregate_id
    squatter = await sagas.client.start_workflow(
        Squatter.run, id=f"payment-{order_id}", task_queue="no-worker"
    )
    await sagas.place(order)
    await sagas.until_written(order_id, EventType.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED)

    await squatter.terminate()
    await sagas.until_running(f"payment-{order_id}")
    await sagas.pay_with(order_id, VISA)

    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")


# A lost workflow task that has changed the log.

DONE_BEFORE = ["reserve", "authorize", "create_shipment"]


@pytest.mark.parametrize("count", range(len(DONE_BEFORE) + 1))
async def test_a_cancellation_undoes_the_effects_of_a_lost_task(sagas: Sagas, count: int) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 1))
    order_id, task_queue = order.aggregate_id, f"later-{uuid.uuid4()}"
    await sagas.stray("place", order_id, PlaceInput(order, "customer:test"))
    for step in DONE_BEFORE[:count]:
        await sagas.stray(step, order_id)
    handle = await sagas.client.start_workflow(
        OrderWorkflow.run,
        OrderWorkflowInput(order_id, sagas.deadlines, PlaceInput(order, "customer:test")),
        id=order_workflow_id(order_id),
        task_queue=task_queue,
    )

    await handle.cancel()
    async with temporal_worker(sagas.client, task_queue, [*sagas.activities.values()]):
        assert await sagas.end(order_id) == "CANCELLED"

    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == (VOIDED if count >= 2 else {})
    shipped = await sagas.carrier_simulator.effects(order_id)
    units = [shipped.get(effect, (0, 0))[1] for effect in ("created", "cancelled")]
    assert units == ([1, 1] if count >= 3 else [0, 0])


async def test_a_rejection_by_a_lost_task_is_the_end_of_the_order(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 1))
    order_id = order.aggregate_id

    async with sagas.gates.stopped("reserve", order_id, When.BEFORE) as gate:
        placing = asyncio.create_task(sagas.place(order))
        await gate.reached()
        await sagas.stray("reject", order_id, RejectInput(order_id, sku))
    await placing

    assert await sagas.end(order_id) == "REJECTED"
    assert await sagas.events(f"order-{order_id}") == ["OrderCreated", "OrderRejected"]
    assert await sagas.inventory(sku) == InventoryState(received=1)


async def test_a_cancellation_that_is_quicker_than_the_rejection_wins(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 2))
    order_id = order.aggregate_id

    async with sagas.gates.stopped("reject", order_id, When.BEFORE) as gate:
        placing = asyncio.create_task(sagas.place(order))
        await gate.reached()
        await sagas.stray("request_cancellation", order_id, by_customer(order_id))
    await placing

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "CUSTOMER_REQUEST"
    assert await sagas.inventory(sku) == InventoryState(received=1)


async def test_a_dispatch_by_a_lost_task_is_captured_once(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    async with sagas.gates.stopped("capture", order_id, When.BEFORE) as gate:
        await sagas.deliver(order_id)
        await gate.reached()
        await sagas.stray("capture", order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    assert await sagas.money(order_id) == PAID


# A parcel that leaves at the wrong moment.


async def test_nothing_is_captured_when_the_dispatch_comes_while_a_cancellation_is_recorded(
    sagas: Sagas,
) -> None:
    """The cancellation is in the log, and the workflow does not know of it yet."""
    sku = await sagas.stocked(1)
    order = an_order((sku, 1))
    order_id = order.aggregate_id
    await sagas.client.start_workflow(
        OrderWorkflow.run,
        OrderWorkflowInput(order_id, sagas.deadlines, PlaceInput(order, "customer:test")),
        id=order_workflow_id(order_id),
        task_queue=sagas.task_queue,
        task_timeout=A_TASK,
    )
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    async with sagas.gates.stopped("request_cancellation", order_id, When.AFTER) as gate:
        cancelling = asyncio.create_task(sagas.cancel(order_id))
        await gate.reached()
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await sagas.until_known(
            order_id, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED, saga="order"
        )
    await cancelling

    assert await sagas.end(order_id) == "CANCELLED"
    assert "capture" not in await sagas.activities_of(order_id)
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == VOIDED


async def test_a_cancellation_whose_answer_was_lost_comes_too_late_for_what_has_left(
    sagas: Sagas,
) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1), postal_code=NORMAL))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.carrier_simulator.until_recorded(order_id, "delivered")

    async with sagas.gates.stopped("capture", order_id, When.BEFORE) as gate:
        await sagas.deliver(order_id)
        await gate.reached()
        await sagas.stray("request_cancellation", order_id, by_customer(order_id))

    assert await sagas.end(order_id) == "COMPLETED"
    assert "OrderCancellationWithdrawn" in await sagas.events(f"order-{order_id}")
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    assert await sagas.money(order_id) == PAID
    assert await sagas.events(f"saga-{order_id}") == []


async def test_a_cancellation_whose_answer_was_lost_stops_what_the_carrier_still_has(
    sagas: Sagas,
) -> None:
    """The notification of the dispatch was false."""
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    async with sagas.gates.stopped("capture", order_id, When.BEFORE) as gate:
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await gate.reached()
        await sagas.stray("request_cancellation", order_id, by_customer(order_id))

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.money(order_id) == VOIDED


async def test_a_customer_cannot_cancel_while_the_dispatch_is_being_recorded(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    async with sagas.gates.stopped("capture", order_id, When.BEFORE) as gate:
        await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
        await gate.reached()
        with pytest.raises(Refused) as refusal:
            await sagas.cancel(order_id)
    await sagas.deliver(order_id)

    assert refusal.value.code == ErrorCode.ORDER_NOT_CANCELLABLE
    assert await sagas.end(order_id) == "COMPLETED"
    assert "OrderCancellationRequested" not in await sagas.events(f"order-{order_id}")
    assert await sagas.money(order_id) == PAID


async def test_a_parcel_that_left_before_its_creation_was_recorded_is_paid_for(
    sagas: Sagas, carrier: HttpCarrier
) -> None:
    sku = await sagas.stocked(1)
    order = an_order((sku, 1), postal_code=NORMAL)
    order_id = order.aggregate_id

    async with sagas.gates.stopped("create_shipment", order_id, When.BEFORE) as gate:
        await sagas.place(order)
        await gate.reached()
        await carrier.create_shipment(
            order_id=order_id,
            address=ShipmentAddress(**order.shipping_address.model_dump()),
            items=[ShipmentItem(sku, 1)],
        )
        await sagas.carrier_simulator.until_recorded(order_id, "delivered")
        await sagas.cancel(order_id)
        await sagas.deliver(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"shipment-{order_id}") == [
        "ShipmentCreated",
        "ShipmentDispatched",
        "ShipmentDelivered",
    ]
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    assert await sagas.money(order_id) == PAID


# A customer who approves and changes the method at the same time.


async def pending(sagas: Sagas) -> str:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), method=APPROVAL))
    await sagas.until_running(f"payment-{order_id}")
    return order_id


async def test_a_new_method_recorded_before_the_approval_pays(
    sagas: Sagas,
) -> None:
    order_id = await pending(sagas)
    async with sagas.gates.stopped("look_up", order_id, When.BEFORE) as gate:
        await sagas.approve(order_id)
        await gate.reached()
        await sagas.pay_with(order_id, VISA)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == {
        "authorized": (2, 500),
        "voided": (1, 250),
        "captured": (1, 250),
    }


async def test_an_approval_recorded_before_the_new_method_pays(
    sagas: Sagas,
) -> None:
    order_id = await pending(sagas)
    async with sagas.gates.stopped("look_up", order_id, When.AFTER) as gate:
        await sagas.approve(order_id)
        await gate.reached()
        with pytest.raises(Refused) as refusal:
            await sagas.pay_with(order_id, VISA)
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.deliver(order_id)

    assert refusal.value.code is ErrorCode.PAYMENT_NOT_RETRYABLE
    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.money(order_id) == PAID


async def test_every_attempt_of_a_cancelled_order_is_void_and_no_other_follows(
    sagas: Sagas,
) -> None:
    order_id = await pending(sagas)
    await sagas.pay_with(order_id, APPROVAL)
    await sagas.until(f"payment-{order_id}", "PaymentPending", times=2)

    await sagas.cancel(order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.money(order_id) == {"voided": (2, 0)}
    with pytest.raises(Refused) as refusal:
        await sagas.stray("authorize_again", order_id, AuthorizeInput(order_id, 3, VISA))
    assert refusal.value.code is ErrorCode.PAYMENT_NOT_RETRYABLE
    assert await sagas.money(order_id) == {"voided": (2, 0)}


async def test_an_attempt_that_begins_during_the_void_holds_nothing(
    sagas: Sagas,
) -> None:
    order_id = await pending(sagas)
    async with sagas.gates.stopped("give_back", order_id, When.BEFORE) as gate:
        await sagas.cancel(order_id)
        await gate.reached()
        again = AuthorizeInput(order_id, 2, VISA)
        await sagas.stray("request_payment", order_id, again)
        await sagas.stray("authorize_again", order_id, again)

    assert await sagas.end(order_id) == "CANCELLED"
    effects = await sagas.money(order_id)
    assert effects.get("authorized", (0, 0))[1] == effects["voided"][1]


# A payment window that closes.


async def authorized_alone(sagas: Sagas, method: str) -> tuple[str, AuthorizationResult]:
    """Try to pay an order that no workflow runs; return its id and the outcome."""
    order = an_order((await sagas.stocked(1), 1), method=method)
    order_id = order.aggregate_id
    await sagas.stray("place", order_id, PlaceInput(order, "customer:test"))
    await sagas.stray("reserve", order_id)
    return order_id, await sagas.stray("authorize", order_id)


async def payment_alone(
    sagas: Sagas, order_id: str, authorization: AuthorizationResult
) -> WorkflowHandle[PaymentWorkflow, PaymentResult]:
    return await sagas.client.start_workflow(
        PaymentWorkflow.run,
        PaymentWorkflowInput(order_id, authorization, datetime.now(UTC), sagas.deadlines),
        id=payment_workflow_id(order_id),
        task_queue=sagas.task_queue,
        task_timeout=A_TASK,
    )


async def position_of_the_last_event(sagas: Sagas, order_id: str) -> int:
    return (await sagas.store.load_events(f"payment-{order_id}"))[-1].position


async def test_an_accepted_retry_gets_its_answer_though_the_order_is_cancelled(
    sagas: Sagas,
) -> None:
    order_id, declined = await authorized_alone(sagas, DECLINED)
    payment = await payment_alone(sagas, order_id, declined)
    async with sagas.gates.stopped("request_payment", order_id, When.BEFORE) as gate:
        retrying = asyncio.create_task(sagas.pay_with(order_id, VISA, key="once"))
        await gate.reached()
        await payment.cancel()
        await sagas.until_known(order_id, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED)

    assert await retrying == await position_of_the_last_event(sagas, order_id)
    with pytest.raises(WorkflowFailureError):
        await payment.result()


async def test_a_retry_gets_its_answer_though_an_approved_payment_is_cancelled(
    sagas: Sagas,
) -> None:
    """The approval ends the wait while the retry is being recorded; then the order is cancelled."""
    order_id, pending = await authorized_alone(sagas, APPROVAL)
    await sagas.approve(order_id)
    request = ("request_payment", order_id, When.BEFORE)
    async with sagas.gates.stopped("look_up", order_id, When.AFTER) as look_up:
        payment = await payment_alone(sagas, order_id, pending)
        await look_up.reached()
        async with sagas.gates.stopped(*request) as recording:
            retrying = asyncio.create_task(sagas.pay_with(order_id, VISA, key="once"))
            await recording.reached()
            look_up.open()
            await sagas.until_known(order_id, EventType.EVENT_TYPE_ACTIVITY_TASK_COMPLETED)
            await payment.cancel()
            await sagas.until_known(
                order_id, EventType.EVENT_TYPE_WORKFLOW_EXECUTION_CANCEL_REQUESTED
            )

    with pytest.raises(Refused) as refusal:
        await retrying
    assert refusal.value.code is ErrorCode.PAYMENT_NOT_RETRYABLE
    assert await payment.result() is PaymentResult.AUTHORIZED


async def test_a_retry_accepted_as_the_window_closes_is_made(sagas: Sagas) -> None:
    """The workflow's first task delivers the retry, after the window has closed."""
    order_id, declined = await authorized_alone(sagas, DECLINED)
    opened_at = datetime.now(UTC) - sagas.deadlines.payment_window
    start = WithStartWorkflowOperation(
        PaymentWorkflow.run,
        PaymentWorkflowInput(order_id, declined, opened_at, sagas.deadlines),
        id=payment_workflow_id(order_id),
        task_queue=sagas.task_queue,
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )

    await sagas.client.execute_update_with_start_workflow(
        PaymentWorkflow.retry,
        PaymentRetryInput(VISA, "customer:test", "once"),
        start_workflow_operation=start,
    )

    assert await (await start.workflow_handle()).result() is PaymentResult.AUTHORIZED
    assert await sagas.money(order_id) == {"authorized": (1, 250), "voided": (1, 0)}


async def test_a_payment_takes_no_method_once_its_window_has_closed(sagas: Sagas) -> None:
    """The last look-up holds the workflow open, so that the retry arrives before its end."""
    order = an_order((await sagas.stocked(1), 1), method=APPROVAL)
    order_id, look_up = order.aggregate_id, ("look_up", order.aggregate_id, When.BEFORE)
    async with sagas.gates.stopped(*look_up) as first:
        await sagas.within(payment_window=timedelta(seconds=1)).place(order)
        await first.reached()
        async with sagas.gates.stopped(*look_up) as last:
            first.open()
            await last.reached()
            with pytest.raises(Refused) as refusal:
                await sagas.pay_with(order_id, VISA)

    assert refusal.value.code == ErrorCode.PAYMENT_NOT_RETRYABLE
    assert await sagas.end(order_id) == "CANCELLED"
    assert (await sagas.events(f"payment-{order_id}")).count("PaymentRequested") == 1


async def test_an_accepted_attempt_is_made_after_its_workflow_is_terminated(
    sagas: Sagas,
) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), method=DECLINED))
    await sagas.until_running(f"payment-{order_id}")
    async with sagas.gates.stopped("authorize_again", order_id, When.BEFORE) as gate:
        await sagas.pay_with(order_id, VISA)
        await gate.reached()
        await sagas.client.get_workflow_handle(f"payment-{order_id}").terminate()
        await sagas.until(f"order-{order_id}", "OrderConfirmed")

    assert await sagas.money(order_id) == {"authorized": (1, 250), "voided": (1, 0)}


async def test_a_retry_that_is_repeated_in_another_run_is_the_same_attempt(sagas: Sagas) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), method=DECLINED))
    await sagas.until_running(f"payment-{order_id}")
    await sagas.pay_with(order_id, APPROVAL, key="once")
    await sagas.until(f"payment-{order_id}", "PaymentPending")

    await sagas.client.get_workflow_handle(f"payment-{order_id}").terminate()
    await sagas.until_written(order_id, EventType.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_TERMINATED)
    await sagas.pay_with(order_id, APPROVAL, key="once")
    await sagas.approve(order_id)

    await sagas.until(f"order-{order_id}", "OrderConfirmed")
    assert (await sagas.events(f"payment-{order_id}")).count("PaymentRequested") == 2
    assert await sagas.money(order_id) == {"authorized": (1, 250), "voided": (1, 0)}


async def test_an_approval_without_a_notification_is_found_as_the_window_closes(
    sagas: Sagas,
) -> None:
    """The window has closed when its workflow begins, so the first look-up is the last."""
    hasty = sagas.within(payment_window=timedelta(0))
    order = an_order((await sagas.stocked(1), 1), method=APPROVAL)
    order_id = order.aggregate_id

    async with sagas.gates.stopped("look_up", order_id, When.BEFORE) as gate:
        await hasty.place(order)
        await gate.reached()
        pending = (await sagas.store.load_events(f"payment-{order_id}"))[-1]
        await sagas.payment_simulator.authenticate(pending.data["reference"], "approve")

    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    assert await sagas.money(order_id) == {"authorized": (1, 250)}


async def test_a_second_retry_is_refused_while_the_first_runs(sagas: Sagas) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), method=DECLINED))
    await sagas.until_running(f"payment-{order_id}")

    async with sagas.gates.stopped("authorize_again", order_id, When.BEFORE) as gate:
        await sagas.pay_with(order_id, VISA)
        await gate.reached()
        with pytest.raises(Refused) as refusal:
            await sagas.pay_with(order_id, VISA)

    assert refusal.value.code is ErrorCode.PAYMENT_NOT_RETRYABLE
    await sagas.until(f"order-{order_id}", "OrderConfirmed")
    assert (await sagas.events(f"payment-{order_id}")).count("PaymentRequested") == 2
    assert await sagas.money(order_id) == {"authorized": (1, 250), "voided": (1, 0)}


# Attempts that come when the saga has ended.

OF_THE_ORDER = [
    "reserve",
    "authorize",
    "look_up",
    "create_shipment",
    "capture",
    "track",
    "deliver",
    "complete",
    "release",
    "withdraw_cancellation",
    "cancel",
    "lapse_return",
    "finish_return",
    "collect_return",
    "refund",
]


@pytest.mark.parametrize("end", ["COMPLETED", "CANCELLED", "REJECTED"])
async def test_a_stray_attempt_at_any_step_changes_nothing_after_the_end(
    sagas: Sagas, end: str
) -> None:
    sku = await sagas.stocked(5)
    order_id = await sagas.place(an_order((sku, 9 if end == "REJECTED" else 2)))
    if end != "REJECTED":
        await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    if end == "COMPLETED":
        await sagas.deliver(order_id)
    if end == "CANCELLED":
        await sagas.cancel(order_id)
    assert await sagas.end(order_id) == end
    before = await sagas.store.load_all_events(limit=10_000), await sagas.money(order_id)

    for step in OF_THE_ORDER:
        try:
            await sagas.stray(step, order_id)
        except Refused:
            continue

    after = await sagas.store.load_all_events(limit=10_000), await sagas.money(order_id)
    assert after == before
