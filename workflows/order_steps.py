"""What the steps of an order's saga do, and how each is undone."""

from __future__ import annotations

import asyncio
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import FailureError
from temporalio.workflow import ActivityConfig

from activities.interface import (
    OrderActivities,
    PaymentActivities,
    ShippingActivities,
)
from activities.types import (
    AuthorizationOutcome,
    AuthorizationResult,
    RejectInput,
    TrackedStatus,
)
from domain.errors import ErrorCode
from domain.ids import payment_workflow_id, return_workflow_id
from domain.order.commands import CancellationReason
from domain.order.state import OrderStatus
from domain.saga import plan
from domain.saga.plan import PlanStep
from workflows.backorder_notifications import notify_waiting_orders
from workflows.child import run_child
from workflows.failure import overdue, refusal_of
from workflows.options import DATABASE
from workflows.order_waits import OrderWaits
from workflows.payment import PaymentWorkflow
from workflows.returns import ReturnWorkflow
from workflows.saga import CompensationRequested, SagaRunner
from workflows.types import (
    OrderWorkflowInput,
    PaymentResult,
    PaymentWorkflowInput,
    ReturnWorkflowInput,
)

Reason = CancellationReason


class OrderSteps(OrderWaits):
    """The story is told in workflows/order.py."""

    def __init__(self, order: OrderWorkflowInput) -> None:
        super().__init__(order)
        undos = {
            plan.RELEASE.name: self._release,
            plan.GIVE_BACK.name: self._give_back,
            plan.CANCEL_SHIPMENT.name: self._cancel_shipment,
        }
        self._saga = SagaRunner(self._id, order.deadlines, undos)
        self._is_restored = order.is_restored
        self._gate = asyncio.Lock()
        """Held while it is settled who was first: a customer, or the parcel and the clock."""
        self._stock_came = False
        self._parcel_left = False
        self._return_requested = False
        self._return_window_closed = False

    # The steps, each beside its undo.

    async def _reserve(self) -> None:
        """A line that is short rejects the order, or makes it wait as a backorder."""
        closes_at = self._closes_at(plan.RESERVE)
        queued_for: set[str] = set()
        is_over = False
        while (short := await self._short_of()) is not None:
            if short not in queued_for and await self._backorder():
                queued_for.add(short)
                continue  # stock that came before the order was queued has woken nobody
            if short not in queued_for or is_over:
                raise CompensationRequested(await self._reject(short))
            # Not everybody is woken by each receipt: at the end it is looked once more.
            is_over = not await self._stock_comes_before(closes_at)
        self._saga.reached(OrderStatus.RESERVED)

    async def _short_of(self) -> str | None:
        """Reserve; the SKU that is short, if one is."""
        try:
            await self._on_order(OrderActivities.reserve)
        except FailureError as error:
            refusal = refusal_of(error)
            if refusal is None or refusal.type != ErrorCode.OUT_OF_STOCK:
                raise
            return str(refusal.details[0][0])
        return None

    async def _backorder(self) -> bool:
        return await workflow.execute_local_activity_method(
            OrderActivities.backorder, self._id, **DATABASE
        )

    async def _stock_comes_before(self, closes_at: datetime) -> bool:
        came = await self._until(closes_at, lambda: self._stock_came)
        self._stock_came = False
        return came

    async def _reject(self, sku: str) -> Reason:
        """Why the saga turns round: nothing, if the rejection stands; else what was quicker.

        An order that was restored is cancelled instead: its money may be held, or taken.
        """
        if self._is_restored:
            return Reason.OPERATOR_REQUEST
        progress = await workflow.execute_local_activity_method(
            OrderActivities.reject, RejectInput(self._id, sku), **DATABASE
        )
        return progress.reason or Reason.OPERATOR_REQUEST

    async def _release(self) -> bool:
        await self._on_order(OrderActivities.release)
        await notify_waiting_orders(self._id)
        return True

    async def _restore_payment(self) -> None:
        await workflow.execute_activity_method(
            PaymentActivities.restore, self._id, **self._asking(plan.AUTHORIZE)
        )

    async def _authorize(self) -> None:
        asking = self._asking_again if self._is_recovered else self._asking
        self._authorization = await workflow.execute_activity_method(
            PaymentActivities.authorize, self._id, **asking(plan.AUTHORIZE)
        )
        if self._authorization.outcome is AuthorizationOutcome.AUTHORIZED:
            self._saga.reached(OrderStatus.CONFIRMED)

    async def _await_payment(self) -> None:
        """What has to wait for the customer is a workflow of its own."""
        opened_at = self._progress.since
        while self._authorization.outcome is not AuthorizationOutcome.AUTHORIZED:
            self._saga.check()
            saga = PaymentWorkflowInput(self._id, self._authorization, opened_at, self._deadlines)
            workflow_id = payment_workflow_id(self._id)
            end = await run_child(PaymentWorkflow.run, saga, id=workflow_id)
            if end is PaymentResult.WINDOW_CLOSED:
                raise CompensationRequested(Reason.PAYMENT_WINDOW_CLOSED)
            if end is PaymentResult.AUTHORIZED:
                break
            self._authorization = await self._see_to_payment()
        self._saga.reached(OrderStatus.CONFIRMED)

    async def _see_to_payment(self) -> AuthorizationResult:
        """The customer may have been promised an attempt that the workflow which was cut off never
        made: it is looked up, and made if it was not."""
        return await workflow.execute_activity_method(
            PaymentActivities.authorize, self._id, **self._asking_again(plan.AWAIT_PAYMENT)
        )

    def _asking_again(self, step: PlanStep) -> ActivityConfig:
        """For a payment that is open already: its window is not cut short by an outage."""
        timeout = self._deadlines.of(step.timeout)
        left = self._closes_at(plan.AWAIT_PAYMENT) - workflow.now()
        asking = self._asking(step)
        asking["schedule_to_close_timeout"] = max(timeout, left)
        return asking

    async def _give_back(self) -> bool:
        await workflow.execute_activity_method(
            PaymentActivities.give_back, self._id, **self._asking(plan.GIVE_BACK)
        )
        return True

    async def _create_shipment(self) -> None:
        if not self._parcel_left:
            await workflow.execute_activity_method(
                ShippingActivities.create_shipment,
                self._id,
                **self._asking(plan.CREATE_SHIPMENT),
            )

    async def _cancel_shipment(self) -> bool:
        return await workflow.execute_activity_method(
            ShippingActivities.cancel_shipment, self._id, **self._asking(plan.CANCEL_SHIPMENT)
        )

    async def _await_dispatch(self) -> None:
        if self._parcel_left:
            return
        told = (
            TrackedStatus.DISPATCHED,
            TrackedStatus.DELIVERED,
            TrackedStatus.LOST,
            TrackedStatus.CANCELLED,
        )
        match await self._tracked(plan.AWAIT_DISPATCH, *told):
            case TrackedStatus.WAITING:
                raise CompensationRequested(Reason.DISPATCH_DEADLINE_MISSED)
            case TrackedStatus.CANCELLED:
                raise CompensationRequested(Reason.SHIPMENT_FAILED)

    async def _close_the_way_back(self) -> None:
        """The parcel has left; whoever wants to cancel, or is about to, was quicker or is late."""
        async with self._gate:
            self._saga.pass_pivot()
            self._parcel_left = True

    async def _capture(self) -> None:
        await workflow.execute_activity_method(
            PaymentActivities.capture, self._id, **self._asking(plan.CAPTURE)
        )
        self._saga.reached(OrderStatus.SHIPPED)

    async def _await_delivery(self) -> None:
        match await self._tracked(plan.AWAIT_DELIVERY, TrackedStatus.DELIVERED, TrackedStatus.LOST):
            case TrackedStatus.DELIVERED:
                return
            case TrackedStatus.LOST:
                raise CompensationRequested(Reason.PARCEL_LOST)
            case _:
                raise overdue("the carrier should have delivered by now; ask it, or compensate")

    async def _deliver(self) -> None:
        await self._on_order(OrderActivities.deliver)
        self._saga.reached(OrderStatus.DELIVERED)

    async def _await_return(self) -> None:
        """A return is a workflow of its own; after one of a part, the window may still be open."""
        closes_at = self._closes_at(plan.AWAIT_RETURN)
        while not self._return_window_closed:
            await self._until(closes_at, lambda: self._return_requested)
            async with self._gate:
                self._return_window_closed = not self._return_requested
            if self._return_requested and await self._brought_back():
                return

    async def _brought_back(self) -> bool:
        """Whether the whole order came back, and nothing is left to wait for."""
        end = None
        while end is None:
            workflow_id = return_workflow_id(self._id)
            saga = ReturnWorkflowInput(
                order_id=self._id,
                deadlines=self._deadlines,
                requested_at=self._progress.return_requested_at or workflow.now(),
                settled=self._progress.settled,
                parked=self._progress.parked_in(workflow_id),
                may_have_missed_notification=self._may_have_missed_notification,
            )
            end = await run_child(ReturnWorkflow.run, saga, id=workflow_id)
            self._may_have_missed_notification = True
            self._saga.resume_from(await self._load_progress())
        self._return_requested = False
        return self._progress.is_final

    async def _complete(self) -> None:
        """Refused while a return is under way that this workflow has not heard of."""
        try:
            await self._on_order(OrderActivities.complete)
        except FailureError:
            self._saga.resume_from(await self._load_progress())
            if not self._progress.return_requested:
                raise
            if not await self._brought_back():
                await self._complete()
        else:
            self._saga.reached(OrderStatus.COMPLETED)
