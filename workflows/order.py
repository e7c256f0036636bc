"""The saga of an order, from its placement until it is final."""

from __future__ import annotations

import asyncio
from functools import partial

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from activities.interface import OrderActivities
from activities.types.order import (
    CancellationInput,
    CancellationResult,
    OrderProgress,
    RecordedResult,
    ReturnRequestInput,
)
from domain.errors import ErrorCode
from domain.ids import return_workflow_id
from domain.order.commands import CancellationReason as Reason
from domain.order.state import OrderStatus
from domain.provider_notifications import (
    PaymentNotification,
    ShipmentNotification,
    ShipmentNotificationKind,
)
from domain.saga import plan
from workflows import search_attributes
from workflows.failure import refusal_of
from workflows.options import DATABASE
from workflows.order_payment import OrderPayment
from workflows.order_returns import OrderReturns
from workflows.order_shipment import OrderShipment
from workflows.order_stock import OrderStock
from workflows.owed_payment import OwedPayment
from workflows.payment_hold import HoldEnded
from workflows.saga import COMPENSATION_STATUSES, CompensationRequested, SagaRunner
from workflows.saga_workflow import SagaWorkflow
from workflows.types import OrderWorkflowInput, PlacedResult
from workflows.uncancellable import uncancellable


@workflow.defn
class OrderWorkflow(SagaWorkflow):
    @workflow.init
    def __init__(self, order: OrderWorkflowInput) -> None:
        self._order = order
        self._saga = SagaRunner(order.order_id, order.deadlines)
        self._gate = asyncio.Lock()
        """Held while the workflow settles which came first: request, dispatch or deadline."""
        self._stock = OrderStock(self._saga, is_restored=order.is_restored)
        self._payment = OrderPayment(self._saga)
        self._shipment = OrderShipment(self._saga)
        self._owed = OwedPayment(self._saga, self._capture, self._release_hold)
        self._returns = OrderReturns(self._saga, self._shipment.tracking, self._gate)
        self._saga.undo_with(
            {
                plan.RELEASE: self._stock.release,
                plan.GIVE_BACK: self._payment.give_back,
                plan.CANCEL_SHIPMENT: self._shipment.cancel,
            }
        )
        self._started: OrderProgress | ApplicationError | None = None
        self._shown: str = search_attributes.OPEN

    @workflow.run
    async def run(self, order: OrderWorkflowInput) -> OrderStatus | None:
        """Return the order's last status, or None if it was never placed."""
        del order  # the SDK hands it to __init__ as well
        return await uncancellable(
            self._run(),
            lambda: self._saga.start_compensation(Reason.OPERATOR_REQUEST),
            self._saga.new_run,
            lambda: self._order,
        )

    async def _run(self) -> OrderStatus | None:
        if not await self._start():
            return None
        if self._order.is_restored:
            restore = self._payment.restore
            await self._saga.run_until_settled("restore_payment", restore, settled=None)
        while not self._saga.progress.is_final:
            try:
                await self._forward()
            except CompensationRequested as request:
                await self._compensate(request.reason)
        await self._leave_nothing_parked()
        self._show_status()
        return self._saga.progress.status

    async def _forward(self) -> None:
        step = self._saga.step
        if not self._saga.is_compensating:
            await self._saga.parked.end_all(undoing=True)  # a withdrawn cancellation has left them
        await self._until_dispatch()
        await self._pass_pivot()
        await self._owed.capture_or_owe()
        await step(plan.AWAIT_DELIVERY, self._shipment.await_delivery)
        await step(plan.DELIVER, self._deliver)
        await step(plan.AWAIT_RETURN, self._returns.await_return)
        await self._owed.collected()
        await step(plan.COMPLETE, self._returns.complete)

    async def _until_dispatch(self) -> None:
        """Run the steps up to the dispatch, again from the payment when its hold ends."""
        step = self._saga.step
        while True:
            await step(plan.RESERVE, self._stock.reserve)
            await step(plan.AUTHORIZE, self._payment.authorize)
            await step(plan.AWAIT_PAYMENT, self._payment.await_customer)
            try:
                await step(plan.CREATE_SHIPMENT, self._create_shipment)
                await step(plan.AWAIT_DISPATCH, self._await_dispatch)
            except HoldEnded as ended:
                await step(plan.ASK_AGAIN, partial(self._ask_again, ended.attempt))
                if self._saga.is_settled(plan.ASK_AGAIN):
                    self._payment.hold.waive()
            else:
                await self._saga.parked.end(plan.ASK_AGAIN.name)  # a recovery has left it
                return

    async def _create_shipment(self) -> None:
        if not self._shipment.has_left:
            await self._payment.hold.check(plan.CREATE_SHIPMENT)
            await self._shipment.create()

    async def _await_dispatch(self) -> None:
        await self._shipment.await_dispatch(self._payment.hold)

    async def _ask_again(self, attempt: int) -> None:
        """Stop the parcel before the hold is let go; one that has left is captured at once."""
        if await self._shipment.stop(attempt):
            self._saga.check()
            await self._payment.end_hold(attempt)
        else:
            async with self._gate:
                self._shipment.has_left = True

    async def _pass_pivot(self) -> None:
        """The parcel has left: a cancellation that comes after this is refused."""
        async with self._gate:
            self._saga.pass_pivot()
            self._shipment.has_left = True

    async def _capture(self) -> None:
        await self._payment.capture(self._shipment.parcel)

    async def _release_hold(self) -> None:
        await self._payment.release_hold(self._shipment.parcel)

    async def _deliver(self) -> None:
        parcel = self._shipment.parcel
        await self._saga.run_local_with(OrderActivities.deliver, parcel, plan.DELIVER)
        self._saga.reached(OrderStatus.DELIVERED)

    async def _compensate(self, reason: Reason) -> None:
        """Undo every step; if the log says that another outcome came first, resume from there."""
        self._saga.resume_from(await self._start_compensation(reason))
        if self._saga.progress.status is not OrderStatus.CANCELLING:
            return
        self._show_status()
        await self._owed.stop()
        if await self._saga.compensate():
            await self._finalize(plan.CANCEL)
        else:
            async with self._gate:
                self._shipment.has_left = True
                await self._finalize(plan.WITHDRAW_CANCELLATION)

    async def _start_compensation(self, reason: Reason) -> OrderProgress:
        order_id, has_left = self._saga.order_id, self._saga.has_passed_pivot
        return await workflow.execute_local_activity_method(
            OrderActivities.start_compensation,
            CancellationInput(order_id, reason, "system", has_left),
            **DATABASE,
        )

    async def _finalize(self, undo: plan.Undo) -> None:
        activity = {
            plan.CANCEL: OrderActivities.cancel,
            plan.WITHDRAW_CANCELLATION: OrderActivities.withdraw_cancellation,
        }[undo]
        await self._saga.run_until_settled(
            undo.name, lambda: self._saga.run_local(activity, undo), settled=None
        )
        await self._saga.reload_progress()
        self._show_status()

    async def _leave_nothing_parked(self) -> None:
        """End what a terminated run has parked; it may park after the next run has started."""
        if self._saga.is_recovered:
            await self._saga.reload_progress()
        for workflow_id in (workflow.info().workflow_id, return_workflow_id(self._saga.order_id)):
            self._saga.parked.take_over(self._saga.progress.parked_in(workflow_id))
        await self._saga.parked.end_all()

    # The start.

    async def _start(self) -> bool:
        """Place the order, or load its progress from the log; return whether there is an order."""
        try:
            progress = self._started = await self._place_or_load()
        except FailureError as error:
            self._started = refusal_of(error) or ApplicationError("the order was not placed")
            return False
        is_new = progress.is_new or progress.status is OrderStatus.PLACED
        is_new = is_new and not self._order.is_restored
        self._saga.start_from(progress, is_recovered=not is_new or self._order.place is None)
        if not is_new:
            self._saga.register_all(plan.ORDER_PLAN)  # it may compensate before its first step
        self._returns.is_requested = progress.return_requested
        self._shipment.tracking.may_have_missed = self._saga.is_recovered
        if self._saga.is_recovered:
            self._payment.hold.doubt()
        self._saga.parked.take_over(progress.parked_in(workflow.info().workflow_id))
        if not progress.return_requested:  # a return that has ended may have left its steps parked
            self._saga.parked.take_over(progress.parked_in(return_workflow_id(self._saga.order_id)))
        return True

    async def _place_or_load(self) -> OrderProgress:
        if self._order.place is None:
            return await self._saga.load_progress()
        return await workflow.execute_local_activity_method(
            OrderActivities.place, self._order.place, **DATABASE
        )

    def _show_status(self) -> None:
        progress = self._saga.progress
        is_shown = progress.status in COMPENSATION_STATUSES or progress.is_final
        shown = progress.status if is_shown else search_attributes.OPEN
        if shown != self._shown:
            self._shown = shown
            workflow.upsert_search_attributes([search_attributes.STATUS.value_set(shown)])

    # Requests and notifications.

    @workflow.update
    async def placed(self) -> PlacedResult:
        """Answer once the order is in the log."""
        progress = await self._started_progress()
        place = self._order.place
        return PlacedResult(progress.position, progress.fingerprint, place.call if place else None)

    @workflow.update
    async def cancel(self, request: CancellationInput) -> CancellationResult:
        """Start the compensation, unless the parcel has left."""
        await self._started_progress()
        async with self._gate:
            if self._shipment.has_left:
                raise _too_late(self._saga.order_id)
            try:
                result = await workflow.execute_local_activity_method(
                    OrderActivities.request_cancellation, request, **DATABASE
                )
            except FailureError as error:
                raise refusal_of(error) or error from None
            self._saga.start_compensation(request.reason)
            return result

    @cancel.validator
    def _validate_cancel(self, request: CancellationInput) -> None:
        del request
        if self._shipment.has_left:
            raise _too_late(self._saga.order_id)

    @workflow.update
    async def request_return(self, request: ReturnRequestInput) -> RecordedResult:
        """Open the return, while the return window is open."""
        await self._started_progress()
        async with self._gate:
            try:
                recorded = await workflow.execute_local_activity_method(
                    OrderActivities.request_return, request, **DATABASE
                )
            except FailureError as error:
                raise refusal_of(error) or error from None
            self._returns.is_requested = True
            return recorded

    @workflow.signal
    async def shipment_notification(self, report: ShipmentNotification) -> None:
        if report.kind is ShipmentNotificationKind.RETURNED:
            await self._returns.goods_are_back()
            return
        is_new = self._shipment.notify(report)
        self._saga.parked.nudge(plan.AWAIT_DELIVERY.name)
        if is_new:  # the parcel may have left before it was stopped
            self._saga.parked.retry(plan.ASK_AGAIN.name)
            self._saga.parked.retry(plan.CANCEL_SHIPMENT.name)

    @workflow.signal
    async def payment_notification(self, report: PaymentNotification) -> None:
        await self._payment.notify(report)

    @workflow.signal
    def stock_received(self) -> None:
        self._stock.notify_received()
        self._saga.parked.retry(plan.CREATE_SHIPMENT.name)

    async def _started_progress(self) -> OrderProgress:
        await workflow.wait_condition(lambda: self._started is not None)
        if isinstance(self._started, OrderProgress):
            return self._started
        raise self._started or AssertionError("unreachable")


def _too_late(order_id: str) -> ApplicationError:
    return ApplicationError(
        f"order {order_id} can no longer be cancelled",
        type=ErrorCode.ORDER_NOT_CANCELLABLE,
        non_retryable=True,
    )
