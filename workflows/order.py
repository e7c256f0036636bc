"""The life of an order, from the moment it is placed until nothing can change any more."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from activities.interface import OrderActivities
from activities.types import (
    CancellationAnswer,
    Recorded,
    RequestCancel,
    RequestReturn,
    Standing,
    TrackedStatus,
)
from domain.errors import ErrorCode
from domain.news import ShipmentNews, ShipmentReported
from domain.order.commands import CancellationReason
from domain.order.state import OrderStatus
from domain.saga import plan
from workflows import search_attributes
from workflows.failure import refusal_of
from workflows.options import DATABASE
from workflows.order_steps import OrderSteps
from workflows.saga import TURNED, TurnRound
from workflows.saga_workflow import OrderStep
from workflows.types import OrderSaga, Placed
from workflows.uncancellable import uncancellable

Reason = CancellationReason


@workflow.defn
class OrderWorkflow(OrderSteps):
    @workflow.init
    def __init__(self, order: OrderSaga) -> None:
        super().__init__(order)
        self._order = order
        self._begun: Standing | ApplicationError | None = None
        self._shown: str = search_attributes.OPEN

    @workflow.run
    async def run(self, order: OrderSaga) -> OrderStatus | None:
        """Returns the order's last status; None if it could not even be placed."""
        del order  # the SDK hands it to __init__ as well
        return await uncancellable(
            self._story(), on_cancel=lambda: self._saga.turn_round(Reason.OPERATOR_REQUEST)
        )

    async def _story(self) -> OrderStatus | None:
        if not await self._begin():
            return None
        if self._order.is_restored:
            await self._saga.insist("restore_payment", self._restore_payment, settled=None)
        while not self._standing.is_final:
            try:
                await self._forward()
                break  # without an end, where a person has skipped it
            except TurnRound as turn:
                await self._back(turn.reason)
        await self._leave_nothing_parked()
        self._show_status()
        return self._standing.status

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
        self._saga.go_on_from(await self._turn_round(reason))
        if self._standing.status is not OrderStatus.CANCELLING:
            return
        self._show_status()
        if await self._saga.compensate():
            await self._close("cancel", OrderActivities.cancel)
        else:
            async with self._gate:
                self._parcel_left = True
                await self._close("withdraw_cancellation", OrderActivities.withdraw_cancellation)

    async def _close(self, name: str, closing: OrderStep) -> None:
        await self._saga.insist(name, lambda: self._on_order(closing), settled=None)
        self._saga.go_on_from(await self._stand())
        self._show_status()

    async def _leave_nothing_parked(self) -> None:
        """An attempt of a run that was ended from outside may park after the next has begun."""
        if self._is_taken_up:
            self._saga.go_on_from(await self._stand())
        await self._saga.parked.take_over(self._standing.parked)

    async def _turn_round(self, reason: Reason) -> Standing:
        request = RequestCancel(self._id, reason, "system", self._saga.has_passed_pivot)
        return await workflow.execute_local_activity_method(
            OrderActivities.turn_round, request, **DATABASE
        )

    # The beginning.

    async def _begin(self) -> bool:
        """Whether there is an order: just placed, or taken up where the log says it stands."""
        try:
            self._begun = await self._place_or_stand()
        except FailureError as error:
            self._begun = refusal_of(error) or ApplicationError("the order was not placed")
            return False
        self._saga.begin_at(self._begun)
        self._is_taken_up = (
            self._order.is_restored
            or self._order.place is None
            or self._begun.status is not OrderStatus.PLACED
        )
        if self._order.is_restored or self._begun.status is not OrderStatus.PLACED:
            self._saga.register_all(plan.ORDER_PLAN)  # it may turn round before its first step
        self._return_requested = self._begun.return_requested
        self._may_have_missed_news = self._is_taken_up
        await self._saga.parked.take_over(self._begun.parked_in(workflow.info().workflow_id))
        return True

    async def _place_or_stand(self) -> Standing:
        if self._order.place is None:
            return await self._stand()
        return await workflow.execute_local_activity_method(
            OrderActivities.place, self._order.place, **DATABASE
        )

    def _show_status(self) -> None:
        status = self._standing.status
        shown = status if status in TURNED or self._standing.is_final else search_attributes.OPEN
        if shown != self._shown:
            self._shown = shown
            workflow.upsert_search_attributes([search_attributes.STATUS.value_set(shown)])

    # What the world tells the order.

    @workflow.update
    async def placed(self) -> Placed:
        """Answers once the order is in the log."""
        begun = await self._begun_well()
        return Placed(begun.position, begun.fingerprint)

    @workflow.update
    async def cancel(self, request: RequestCancel) -> CancellationAnswer:
        """Turn the order round, unless the parcel has left."""
        await self._begun_well()
        async with self._gate:
            if self._parcel_left:
                raise _too_late(self._id)
            try:
                answer = await workflow.execute_local_activity_method(
                    OrderActivities.request_cancellation, request, **DATABASE
                )
            except FailureError as error:
                raise refusal_of(error) or error from None
            self._saga.turn_round(request.reason)
            return answer

    @cancel.validator
    def _validate_cancel(self, request: RequestCancel) -> None:
        del request
        if self._parcel_left:
            raise _too_late(self._id)

    @workflow.update
    async def request_return(self, request: RequestReturn) -> Recorded:
        """Open the return, while the return window is open."""
        await self._begun_well()
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
    async def shipment_reported(self, report: ShipmentReported) -> None:
        if report.news is ShipmentNews.RETURNED:
            return  # to the wrong one: a return has a workflow of its own
        if report.is_confirmed:
            self._news.add(TrackedStatus(report.news.value))
        else:
            self._may_have_missed_news = True
        await self._saga.parked.nudge(plan.AWAIT_DELIVERY.name, "the carrier has news")

    @workflow.signal
    def stock_received(self) -> None:
        self._stock_came = True

    async def _begun_well(self) -> Standing:
        await workflow.wait_condition(lambda: self._begun is not None)
        if isinstance(self._begun, Standing):
            return self._begun
        raise self._begun or AssertionError("unreachable")


def _too_late(order_id: str) -> ApplicationError:
    return ApplicationError(
        f"order {order_id} can no longer be cancelled",
        type=ErrorCode.ORDER_NOT_CANCELLABLE,
        non_retryable=True,
    )
