"""The life of an order, from the moment it is placed until nothing can change any more."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from activities.interface import (
    OrderActivities,
    PaymentActivities,
    SagaActivities,
    ShippingActivities,
)
from activities.types import (
    Authorization,
    AuthorizationOutcome,
    CancellationAnswer,
    Recorded,
    Reject,
    RequestCancel,
    RequestReturn,
    Standing,
    TrackedStatus,
)
from domain.errors import ErrorCode
from domain.ids import payment_workflow_id, return_workflow_id
from domain.news import ShipmentReported
from domain.order.commands import CancellationReason
from domain.order.state import OrderStatus
from domain.saga import plan
from workflows import search_attributes
from workflows.child import run_child
from workflows.failure import overdue, refusal_of
from workflows.options import DATABASE, asking
from workflows.payment import PaymentWorkflow
from workflows.returns import ReturnWorkflow
from workflows.saga import TURNED, Saga, TurnRound, uncancellable
from workflows.saga_workflow import SagaWorkflow
from workflows.types import OrderSaga, PaymentEnd, PaymentSaga, Placed, ReturnSaga

Reason = CancellationReason
T = TrackedStatus
OrderStep = Callable[[OrderActivities, str], Awaitable[None]]

GOOD_NEWS = frozenset({T.DISPATCHED, T.DELIVERED})
BAD_NEWS = frozenset({T.CANCELLED, T.LOST})


@workflow.defn
class OrderWorkflow(SagaWorkflow):
    @workflow.init
    def __init__(self, order: OrderSaga) -> None:
        self._order = order
        self._id = order.order_id
        self._deadlines = order.deadlines
        undos = {
            "release": self._release,
            "give_back": self._give_back,
            "cancel_shipment": self._cancel_shipment,
        }
        self._saga = Saga(self._id, order.deadlines, undos)
        self._begun: Standing | ApplicationError | None = None
        self._news: set[TrackedStatus] = set()
        self._stock_came = False
        self._gate = asyncio.Lock()
        """Held while it is settled who was first: a customer, or the parcel and the clock."""
        self._parcel_left = False
        self._may_have_missed_news = False
        self._shown: str = search_attributes.OPEN
        self._return_requested = False
        self._return_window_closed = False

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
        if not await self._begin():
            return None
        while not self._standing.is_final:
            try:
                await self._forward()
            except TurnRound as turn:
                await self._back(turn.reason)
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
        self._saga.go_on_from(self._begun)
        if self._begun.status is OrderStatus.CANCELLING:
            self._saga.register_all(plan.ORDER_PLAN)
        self._return_requested = self._begun.return_requested
        self._may_have_missed_news = self._begun.status is not OrderStatus.PLACED
        return True

    async def _place_or_stand(self) -> Standing:
        if self._order.place is None:
            return await self._stand()
        return await workflow.execute_local_activity_method(
            OrderActivities.place, self._order.place, **DATABASE
        )

    @property
    def _standing(self) -> Standing:
        assert self._saga.standing is not None  # noqa: S101 - from the beginning on
        return self._saga.standing

    # The steps, each beside its undo.

    async def _reserve(self) -> None:
        """A line that is short rejects the order, or makes it wait as a backorder."""
        closes_at = self._standing.since + self._deadlines.backorder
        waits = False
        while (short := await self._short_of()) is not None:
            if not waits and (waits := await self._backorder()):
                continue  # stock that came before the order was queued has woken nobody
            if not waits or not await self._stock_comes_before(closes_at):
                raise TurnRound(await self._reject(short))
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
        """Why the saga turns round: nothing, if the rejection stands; else what was quicker."""
        standing = await workflow.execute_local_activity_method(
            OrderActivities.reject, Reject(self._id, sku), **DATABASE
        )
        return standing.reason or Reason.OPERATOR_REQUEST

    async def _release(self) -> bool:
        await self._on_order(OrderActivities.release)
        return True

    async def _authorize(self) -> None:
        self._authorization = await workflow.execute_activity_method(
            PaymentActivities.authorize, self._id, **asking(self._deadlines.provider_patience)
        )
        if self._authorization.outcome is AuthorizationOutcome.AUTHORIZED:
            self._saga.reached(OrderStatus.CONFIRMED)

    async def _await_payment(self) -> None:
        """What has to wait for the customer is a workflow of its own."""
        opened_at = self._standing.since
        while self._authorization.outcome is not AuthorizationOutcome.AUTHORIZED:
            saga = PaymentSaga(self._id, self._authorization, opened_at, self._deadlines)
            workflow_id = payment_workflow_id(self._id)
            end = await run_child(PaymentWorkflow.run, saga, id=workflow_id)
            if end is PaymentEnd.WINDOW_CLOSED:
                raise TurnRound(Reason.PAYMENT_WINDOW_CLOSED)
            if end is PaymentEnd.AUTHORIZED:
                break
            self._authorization = await self._look_up()
        self._saga.reached(OrderStatus.CONFIRMED)

    async def _look_up(self) -> Authorization:
        return await workflow.execute_activity_method(
            PaymentActivities.look_up, self._id, **asking(self._deadlines.provider_patience)
        )

    async def _give_back(self) -> bool:
        await workflow.execute_activity_method(
            PaymentActivities.give_back, self._id, **asking(self._deadlines.undo_patience)
        )
        return True

    async def _create_shipment(self) -> None:
        if not self._parcel_left:
            await workflow.execute_activity_method(
                ShippingActivities.create_shipment,
                self._id,
                **asking(self._deadlines.provider_patience),
            )

    async def _cancel_shipment(self) -> bool:
        return await workflow.execute_activity_method(
            ShippingActivities.cancel_shipment, self._id, **asking(self._deadlines.undo_patience)
        )

    async def _await_dispatch(self) -> None:
        if self._parcel_left:
            return
        closes_at = self._standing.since + self._deadlines.dispatch
        match await self._tracked(closes_at, T.DISPATCHED, T.DELIVERED, T.LOST, T.CANCELLED):
            case T.WAITING:
                raise TurnRound(Reason.DISPATCH_DEADLINE_MISSED)
            case T.CANCELLED:
                raise TurnRound(Reason.SHIPMENT_FAILED)

    async def _close_the_way_back(self) -> None:
        """The parcel has left; whoever wants to cancel, or is about to, was quicker or is late."""
        async with self._gate:
            self._saga.pass_pivot()
            self._parcel_left = True

    async def _capture(self) -> None:
        await workflow.execute_activity_method(
            PaymentActivities.capture, self._id, **asking(self._deadlines.undo_patience)
        )
        self._saga.reached(OrderStatus.SHIPPED)

    async def _await_delivery(self) -> None:
        closes_at = self._standing.since + self._deadlines.delivery
        match await self._tracked(closes_at, T.DELIVERED, T.LOST):
            case T.DELIVERED:
                return
            case T.LOST:
                raise TurnRound(Reason.PARCEL_LOST)
            case _:
                raise overdue("the carrier should have delivered by now; ask it, or compensate")

    async def _deliver(self) -> None:
        await self._on_order(OrderActivities.deliver)
        self._saga.reached(OrderStatus.DELIVERED)

    async def _await_return(self) -> None:
        """A return is a workflow of its own; after one of a part, the window may still be open."""
        closes_at = self._standing.since + self._deadlines.return_window
        while not self._return_window_closed:
            await self._until(closes_at, lambda: self._return_requested)
            async with self._gate:
                self._return_window_closed = not self._return_requested
            if self._return_requested and await self._brought_back():
                return

    async def _brought_back(self) -> bool:
        """Whether the whole order came back, and nothing is left to wait for."""
        saga, workflow_id = ReturnSaga(self._id, self._deadlines), return_workflow_id(self._id)
        while await run_child(ReturnWorkflow.run, saga, id=workflow_id) is None:
            pass
        self._return_requested = False
        self._saga.go_on_from(await self._stand())
        return self._standing.is_final

    async def _complete(self) -> None:
        await self._on_order(OrderActivities.complete)
        self._saga.reached(OrderStatus.COMPLETED)

    # What the steps are made of.

    async def _until(self, closes_at: datetime, happened: Callable[[], bool]) -> bool:
        """Whether it happened before the time."""
        if happened():
            return True
        remaining = closes_at - workflow.now()
        if remaining <= timedelta(0):
            return False
        try:
            await workflow.wait_condition(happened, timeout=remaining)
        except TimeoutError:
            return False
        return True

    async def _tracked(self, closes_at: datetime, *told: TrackedStatus) -> TrackedStatus:
        """What the carrier has told by then; silent, it is asked once the time has come.

        Good news are believed. Bad news, and what a saga that was taken up may have missed, are
        asked about.
        """
        while True:
            in_time = self._may_have_missed_news or await self._until(
                closes_at, lambda: any(status in self._news for status in told)
            )
            believed = [s for s in told if s in self._news and s in GOOD_NEWS]
            if believed:
                return believed[0]
            self._may_have_missed_news = False
            self._news -= BAD_NEWS
            tracked = await self._track()
            if tracked in told or not in_time:
                return tracked

    async def _track(self) -> TrackedStatus:
        return await workflow.execute_activity_method(
            ShippingActivities.track, self._id, **asking(self._deadlines.provider_patience)
        )

    async def _stand(self) -> Standing:
        return await workflow.execute_local_activity_method(
            SagaActivities.stand, self._id, **DATABASE
        )

    async def _on_order(self, activity: OrderStep) -> None:
        await workflow.execute_local_activity_method(activity, self._id, **DATABASE)

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
        self._news.add(T(report.news.value))
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
