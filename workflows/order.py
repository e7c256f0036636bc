"""The life of an order, from the moment it is placed until nothing can change any more."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from activities.interface import OrderActivities
from activities.types import (
    CancellationInput,
    CancellationResult,
    OrderProgress,
    RecordedResult,
    ReturnRequestInput,
    TrackedStatus,
)
from domain.errors import ErrorCode
from domain.order.commands import CancellationReason
from domain.order.state import OrderStatus
from domain.provider_notifications import ShipmentNotification, ShipmentNotificationKind
from domain.saga import plan
from workflows import search_attributes
from workflows.failure import refusal_of
from workflows.options import DATABASE
from workflows.order_steps import OrderSteps
from workflows.saga import COMPENSATION_STATUSES, CompensationRequested
from workflows.saga_workflow import OrderStep
from workflows.types import OrderWorkflowInput, PlacedResult
from workflows.uncancellable import uncancellable

Reason = CancellationReason


@workflow.defn
class OrderWorkflow(OrderSteps):
    @workflow.init
    def __init__(self, order: OrderWorkflowInput) -> None:
        super().__init__(order)
        self._order = order
        self._started: OrderProgress | ApplicationError | None = None
        self._shown: str = search_attributes.OPEN

    @workflow.run
    async def run(self, order: OrderWorkflowInput) -> OrderStatus | None:
        """Returns the order's last status; None if it could not even be placed."""
        del order  # the SDK hands it to __init__ as well
        return await uncancellable(
            self._story(), on_cancel=lambda: self._saga.start_compensation(Reason.OPERATOR_REQUEST)
        )

    async def _story(self) -> OrderStatus | None:
        if not await self._begin():
            return None
        if self._order.is_restored:
            await self._saga.run_until_settled(
                "restore_payment", self._restore_payment, settled=None
            )
        while not self._progress.is_final:
            try:
                await self._forward()
                break  # without an end, where a person has skipped it
            except CompensationRequested as turn:
                await self._back(turn.reason)
        await self._leave_nothing_parked()
        self._show_status()
        return self._progress.status

    async def _forward(self) -> None:
        step = self._saga.step
        await step(plan.RESERVE, self._reserve)
        await step(plan.AUTHORIZE, self._authorize)
        await step(plan.AWAIT_PAYMENT, self._await_payment)
        await step(plan.CREATE_SHIPMENT, self._create_shipment)
        await step(plan.AWAIT_DISPATCH, self._await_dispatch)
        await self._close_the_way_back()
        await step(plan.CAPTURE, self._capture)
        await step(plan.AWAIT_DELIVERY, self._await_delivery)
        await step(plan.DELIVER, self._deliver)
        await step(plan.AWAIT_RETURN, self._await_return)
        await step(plan.COMPLETE, self._complete)

    async def _back(self, reason: Reason) -> None:
        """Undo everything; or find that something else was quicker, and go on from there."""
        self._saga.resume_from(await self._start_compensation(reason))
        if self._progress.status is not OrderStatus.CANCELLING:
            return
        self._show_status()
        if await self._saga.compensate():
            await self._close("cancel", OrderActivities.cancel)
        else:
            async with self._gate:
                self._parcel_left = True
                await self._close("withdraw_cancellation", OrderActivities.withdraw_cancellation)

    async def _close(self, name: str, closing: OrderStep) -> None:
        await self._saga.run_until_settled(name, lambda: self._on_order(closing), settled=None)
        self._saga.resume_from(await self._load_progress())
        self._show_status()

    async def _leave_nothing_parked(self) -> None:
        """An attempt of a run that was ended from outside may park after the next has begun."""
        if self._is_recovered:
            self._saga.resume_from(await self._load_progress())
        await self._saga.parked.take_over(self._progress.parked)

    async def _start_compensation(self, reason: Reason) -> OrderProgress:
        request = CancellationInput(self._id, reason, "system", self._saga.has_passed_pivot)
        return await workflow.execute_local_activity_method(
            OrderActivities.start_compensation, request, **DATABASE
        )

    # The beginning.

    async def _begin(self) -> bool:
        """Whether there is an order: just placed, or taken up where the log says it stands."""
        try:
            self._started = await self._place_or_stand()
        except FailureError as error:
            self._started = refusal_of(error) or ApplicationError("the order was not placed")
            return False
        self._saga.start_from(self._started)
        self._is_recovered = (
            self._order.is_restored
            or self._order.place is None
            or self._started.status is not OrderStatus.PLACED
        )
        if self._order.is_restored or self._started.status is not OrderStatus.PLACED:
            self._saga.register_all(plan.ORDER_PLAN)  # it may turn round before its first step
        self._return_requested = self._started.return_requested
        self._may_have_missed_notification = self._is_recovered
        await self._saga.parked.take_over(self._started.parked_in(workflow.info().workflow_id))
        return True

    async def _place_or_stand(self) -> OrderProgress:
        if self._order.place is None:
            return await self._load_progress()
        return await workflow.execute_local_activity_method(
            OrderActivities.place, self._order.place, **DATABASE
        )

    def _show_status(self) -> None:
        status = self._progress.status
        shown = (
            status
            if status in COMPENSATION_STATUSES or self._progress.is_final
            else search_attributes.OPEN
        )
        if shown != self._shown:
            self._shown = shown
            workflow.upsert_search_attributes([search_attributes.STATUS.value_set(shown)])

    # What the world tells the order.

    @workflow.update
    async def placed(self) -> PlacedResult:
        """Answers once the order is in the log."""
        progress = await self._started_progress()
        return PlacedResult(progress.position, progress.fingerprint)

    @workflow.update
    async def cancel(self, request: CancellationInput) -> CancellationResult:
        """Turn the order round, unless the parcel has left."""
        await self._started_progress()
        async with self._gate:
            if self._parcel_left:
                raise _too_late(self._id)
            try:
                answer = await workflow.execute_local_activity_method(
                    OrderActivities.request_cancellation, request, **DATABASE
                )
            except FailureError as error:
                raise refusal_of(error) or error from None
            self._saga.start_compensation(request.reason)
            return answer

    @cancel.validator
    def _validate_cancel(self, request: CancellationInput) -> None:
        del request
        if self._parcel_left:
            raise _too_late(self._id)

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
            self._return_requested = True
            return recorded

    @workflow.signal
    async def shipment_notification(self, report: ShipmentNotification) -> None:
        if report.kind is ShipmentNotificationKind.RETURNED:
            return  # to the wrong one: a return has a workflow of its own
        if report.is_confirmed:
            self._notified.add(TrackedStatus(report.kind.value))
        else:
            self._may_have_missed_notification = True
        await self._saga.parked.nudge(plan.AWAIT_DELIVERY.name, "the carrier has news")

    @workflow.signal
    def stock_received(self) -> None:
        self._stock_came = True

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
