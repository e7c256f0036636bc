"""The life of an order, from the moment it is placed until nothing can change any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from activities.interface import OrderActivities, PaymentActivities, ShippingActivities
from activities.types import (
    AuthorizationOutcome,
    Authorize,
    CancellationAnswer,
    Recorded,
    Reject,
    RequestCancel,
    TrackedStatus,
)
from domain.errors import ErrorCode
from domain.ids import payment_workflow_id
from domain.news import ShipmentNews, ShipmentReported
from domain.order.commands import CancellationReason
from domain.order.state import OrderStatus
from workflows.options import DATABASE, UNTIL_DONE, forward
from workflows.payment import PaymentWorkflow
from workflows.saga import (
    STEP_FAILURES,
    Saga,
    TurnRound,
    insist,
    refusal_of,
    uncancellable,
)
from workflows.types import OrderSaga, PaymentEnd, PaymentSaga, Placed

Reason = CancellationReason
OrderStep = Callable[[OrderActivities, str], Awaitable[None]]


class OutOfStock(Exception):
    def __init__(self, sku: str | None) -> None:
        super().__init__(sku)
        self.sku = sku


@workflow.defn
class OrderWorkflow:
    @workflow.init
    def __init__(self, order: OrderSaga) -> None:
        self._order = order
        self._id = order.place.command.aggregate_id
        self._deadlines = order.deadlines
        self._saga = Saga()
        self._placed: Recorded | ApplicationError | None = None
        self._authorization = AuthorizationOutcome.PENDING
        self._news: set[ShipmentNews] = set()
        self._parcel_gate = asyncio.Lock()
        self._parcel_left = False

    @workflow.run
    async def run(self, order: OrderSaga) -> OrderStatus | None:
        """Returns the order's last status; None if it could not even be placed."""
        del order  # the SDK hands it to __init__ as well
        end = await uncancellable(
            self._story(), on_cancel=lambda: self._saga.turn_round(Reason.OPERATOR_REQUEST)
        )
        await workflow.wait_condition(workflow.all_handlers_finished)
        return end

    async def _story(self) -> OrderStatus | None:
        if not await self._place():
            return None
        try:
            await self._until_the_parcel_leaves()
        except OutOfStock as short:
            return await self._reject(short.sku)
        except TurnRound as turn:
            if await self._turned_round(turn.reason):
                return OrderStatus.CANCELLED
        return await self._until_nothing_can_change()

    async def _until_the_parcel_leaves(self) -> None:
        step = self._saga.step
        await step(self._reserve, undo=self._release, on_failure=Reason.OPERATOR_REQUEST)
        await step(self._authorize, undo=self._void, on_failure=Reason.PAYMENT_FAILED)
        await step(self._await_payment, on_failure=Reason.PAYMENT_FAILED)
        await step(self._ship, undo=self._cancel_shipment, on_failure=Reason.SHIPMENT_FAILED)
        await step(self._await_dispatch, on_failure=Reason.DISPATCH_DEADLINE_MISSED)
        async with self._parcel_gate:
            self._saga.check()
            await self._dispatch()

    async def _until_nothing_can_change(self) -> OrderStatus:
        await insist(self._capture)
        await self._await_delivery()
        await self._on_order(OrderActivities.deliver)
        await workflow.sleep(self._deadlines.return_window)
        await self._on_order(OrderActivities.complete)
        return OrderStatus.COMPLETED

    async def _turned_round(self, reason: CancellationReason) -> bool:
        """False: the parcel had left before the carrier could stop it, and the order goes on."""
        await self._request_cancellation(RequestCancel(self._id, reason, actor="system"))
        if await self._saga.compensate():
            await self._on_order(OrderActivities.cancel)
            return True
        async with self._parcel_gate:
            await self._on_order(OrderActivities.withdraw_cancellation)
            await self._dispatch()
        return False

    async def _reject(self, sku: str | None) -> OrderStatus:
        await workflow.execute_local_activity_method(
            OrderActivities.reject, Reject(self._id, sku), **DATABASE
        )
        await self._saga.compensate()
        return OrderStatus.REJECTED

    # The steps, each beside its undo.

    async def _place(self) -> bool:
        try:
            self._placed = await workflow.execute_local_activity_method(
                OrderActivities.place, self._order.place, **DATABASE
            )
        except STEP_FAILURES as error:
            self._placed = refusal_of(error) or ApplicationError("the order was not placed")
        return isinstance(self._placed, Recorded)

    async def _reserve(self) -> None:
        try:
            await self._on_order(OrderActivities.reserve)
        except STEP_FAILURES as error:
            refusal = refusal_of(error)
            if refusal is None or refusal.type != ErrorCode.OUT_OF_STOCK:
                raise
            raise OutOfStock(refusal.details[0][0]) from None

    async def _release(self) -> bool:
        await self._on_order(OrderActivities.release)
        return True

    async def _authorize(self) -> None:
        self._authorization = await workflow.execute_activity_method(
            PaymentActivities.authorize,
            Authorize(self._id, attempt=1),
            **forward(self._deadlines.provider_patience),
        )

    async def _await_payment(self) -> None:
        """What has to wait for the customer is a workflow of its own."""
        if self._authorization is AuthorizationOutcome.AUTHORIZED:
            return
        end = await workflow.execute_child_workflow(
            PaymentWorkflow.run,
            PaymentSaga(self._id, self._authorization, self._deadlines),
            id=payment_workflow_id(self._id),
            parent_close_policy=workflow.ParentClosePolicy.REQUEST_CANCEL,
        )
        if end is PaymentEnd.WINDOW_CLOSED:
            raise TurnRound(Reason.PAYMENT_WINDOW_CLOSED)

    async def _void(self) -> bool:
        await workflow.execute_activity_method(PaymentActivities.void, self._id, **UNTIL_DONE)
        return True

    async def _ship(self) -> None:
        await workflow.execute_activity_method(
            ShippingActivities.create_shipment,
            self._id,
            **forward(self._deadlines.provider_patience),
        )

    async def _cancel_shipment(self) -> bool:
        return await workflow.execute_activity_method(
            ShippingActivities.cancel_shipment, self._id, **UNTIL_DONE
        )

    async def _await_dispatch(self) -> None:
        if await self._heard_within(self._deadlines.dispatch):
            return
        if await self._track() is TrackedStatus.WAITING:
            raise TurnRound(Reason.DISPATCH_DEADLINE_MISSED)

    async def _dispatch(self) -> None:
        await self._on_order(OrderActivities.dispatch)
        self._parcel_left = True

    async def _capture(self) -> None:
        await workflow.execute_activity_method(PaymentActivities.capture, self._id, **UNTIL_DONE)

    async def _await_delivery(self) -> None:
        """The carrier tells; when it is silent for too long it is asked, again and again."""
        while not await self._heard_within(self._deadlines.delivery, ShipmentNews.DELIVERED):
            if await insist(self._track) is TrackedStatus.DELIVERED:
                return

    # What the steps are made of.

    async def _heard_within(self, deadline: timedelta, *news: ShipmentNews) -> bool:
        """Whether the carrier reported this, or anything if nothing is named, before the time."""
        wanted = set(news or ShipmentNews)
        try:
            await workflow.wait_condition(lambda: bool(wanted & self._news), timeout=deadline)
        except TimeoutError:
            return False
        return True

    async def _track(self) -> TrackedStatus:
        return await workflow.execute_activity_method(
            ShippingActivities.track, self._id, **forward(self._deadlines.provider_patience)
        )

    async def _on_order(self, activity: OrderStep) -> None:
        await workflow.execute_local_activity_method(activity, self._id, **DATABASE)

    async def _request_cancellation(self, request: RequestCancel) -> CancellationAnswer:
        return await workflow.execute_local_activity_method(
            OrderActivities.request_cancellation, request, **DATABASE
        )

    # What the world tells the order.

    @workflow.update
    async def placed(self) -> Placed:
        """Answers once the order is in the log."""
        await workflow.wait_condition(lambda: self._placed is not None)
        if isinstance(self._placed, Recorded):
            return Placed(self._placed.position, self._order.place.command.fingerprint)
        raise self._placed or AssertionError("unreachable")

    @workflow.update
    async def cancel(self, request: RequestCancel) -> CancellationAnswer:
        """Turn the order round, unless the parcel has left."""
        async with self._parcel_gate:
            self._check_cancellable()
            try:
                answer = await self._request_cancellation(request)
            except STEP_FAILURES as error:
                raise refusal_of(error) or error from None
            self._saga.turn_round(request.reason)
            return answer

    @cancel.validator
    def _validate_cancel(self, request: RequestCancel) -> None:
        del request
        self._check_cancellable()

    def _check_cancellable(self) -> None:
        if self._parcel_left or not isinstance(self._placed, Recorded):
            raise ApplicationError(
                f"order {self._id} can no longer be cancelled",
                type=ErrorCode.ORDER_NOT_CANCELLABLE,
                non_retryable=True,
            )

    @workflow.signal
    def shipment_reported(self, report: ShipmentReported) -> None:
        self._news.add(report.news)
