"""A payment window closes, or its workflow ends, while an attempt is being made."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WithStartWorkflowOperation, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from activities.types.order import PlaceInput
from activities.types.payment import AuthorizationResult
from benchmarks.saga.driver import key_use
from domain.errors import ErrorCode, Refused
from domain.ids import payment_workflow_id
from providers.payment_simulator.methods import APPROVAL, DECLINED, VISA
from tests.integration.workflows.race_fixture import A_TASK
from tests.support.gates import When
from tests.support.sagas import Sagas, an_order
from workflows.payment import PaymentWorkflow
from workflows.types import (
    PaymentResult,
    PaymentRetryInput,
    PaymentWorkflowInput,
    PaymentWorkflowResult,
)


async def authorized_alone(sagas: Sagas, method: str) -> tuple[str, AuthorizationResult]:
    """Try to pay an order that no workflow runs; return its id and the outcome."""
    order = an_order((await sagas.stocked(1), 1), method=method)
    order_id = order.aggregate_id
    await sagas.stray("place", order_id, PlaceInput(order, "customer:test"))
    await sagas.stray("reserve", order_id)
    return order_id, await sagas.stray("authorize", order_id)


async def payment_alone(
    sagas: Sagas, order_id: str, authorization: AuthorizationResult
) -> WorkflowHandle[PaymentWorkflow, PaymentWorkflowResult]:
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
    assert (await payment.result()).outcome is PaymentResult.AUTHORIZED


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
        PaymentRetryInput(VISA, "customer:test", key_use("retryPayment")),
        start_workflow_operation=start,
    )

    result = await (await start.workflow_handle()).result()
    assert result.outcome is PaymentResult.AUTHORIZED
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


async def test_a_retry_waits_for_a_decline_that_its_workflow_has_not_heard_of(
    sagas: Sagas,
) -> None:
    """The customer reads the decline in the log, and brings another method at once."""
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), method=DECLINED))
    await sagas.until_running(f"payment-{order_id}")

    async with sagas.gates.stopped("authorize_again", order_id, When.AFTER) as gate:
        await sagas.pay_with(order_id, DECLINED)
        await gate.reached()
        await sagas.until(f"payment-{order_id}", "PaymentDeclined", times=2)
        retrying = asyncio.create_task(sagas.pay_with(order_id, VISA))
        await sagas.waits_until(f"payment-{order_id}")
    await retrying

    await sagas.until(f"order-{order_id}", "OrderConfirmed")
    assert (await sagas.events(f"payment-{order_id}")).count("PaymentRequested") == 3
    assert await sagas.money(order_id) == {"authorized": (1, 250), "voided": (2, 0)}


async def test_a_second_retry_is_refused_once_the_first_is_authorized(sagas: Sagas) -> None:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), method=DECLINED))
    await sagas.until_running(f"payment-{order_id}")

    async with sagas.gates.stopped("authorize_again", order_id, When.BEFORE) as gate:
        await sagas.pay_with(order_id, VISA)
        await gate.reached()
        second = asyncio.create_task(sagas.pay_with(order_id, VISA))
        await sagas.waits_until(f"payment-{order_id}")
        with pytest.raises(Refused) as third:
            await sagas.pay_with(order_id, VISA)
    with pytest.raises(Refused) as refusal:
        await second

    for refused in (refusal, third):
        assert refused.value.code is ErrorCode.PAYMENT_NOT_RETRYABLE
    await sagas.until(f"order-{order_id}", "OrderConfirmed")
    assert (await sagas.events(f"payment-{order_id}")).count("PaymentRequested") == 2
    assert await sagas.money(order_id) == {"authorized": (1, 250), "voided": (1, 0)}


async def test_a_second_retry_is_refused_while_the_first_has_no_answer(sagas: Sagas) -> None:
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
