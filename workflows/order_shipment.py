"""The shipment of an order: created, tracked until it is dispatched and delivered, or cancelled."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.interface import ShippingActivities
from activities.types.payment import HoldInput
from activities.types.shipping import ParcelInput, TrackedStatus
from domain.order.commands import CancellationReason as Reason
from domain.provider_notifications import ShipmentNotification
from domain.saga import plan
from domain.saga.plan import PlanStep
from workflows.failure import describe, overdue
from workflows.payment_hold import PaymentHold
from workflows.saga import CompensationRequested, SagaRunner
from workflows.shipment_tracking import ShipmentTracking


class OrderShipment:
    def __init__(self, saga: SagaRunner) -> None:
        self._saga = saga
        self.tracking = ShipmentTracking(saga, self._ask_carrier)
        self.has_left = False
        """The carrier has the parcel, so that the order can no longer be cancelled."""
        self._booked_at: datetime | None = None
        self.parcel = ParcelInput(saga.order_id)
        """The parcel as the carrier's latest notification describes it."""
        self._stopped: set[int] = set()
        """The attempts to pay whose parcel this workflow has stopped; each ends a booking."""

    def notify(self, report: ShipmentNotification) -> bool:
        """Return whether the parcel's status is new to this workflow.

        A parcel that was stopped and left all the same is not the one that the saga waits for:
        reconciliation has an operator look at it.
        """
        if report.booking is not None and report.booking <= len(self._stopped):
            return False
        status = TrackedStatus(report.kind.value)
        is_new = not self.tracking.has_reported(status)
        if report.tracking is not None:
            self.parcel = ParcelInput(self._saga.order_id, report.tracking)
        self.tracking.notify(status, is_confirmed=report.is_confirmed)
        return is_new

    async def create(self) -> None:
        if not self.has_left:
            self._booked_at = await self._saga.ask(
                ShippingActivities.create_shipment, self._saga.order_id, plan.CREATE_SHIPMENT
            )

    async def cancel(self) -> bool:
        """Return whether the carrier could stop the parcel."""
        return await self._saga.ask(
            ShippingActivities.cancel_shipment, self._saga.order_id, plan.CANCEL_SHIPMENT
        )

    async def stop(self, attempt: int) -> bool:
        """Have the parcel wait for the payment; return False if it has left."""
        stop = HoldInput(self._saga.order_id, attempt)
        is_stopped = await self._saga.ask(ShippingActivities.stop_parcel, stop, plan.ASK_AGAIN)
        if is_stopped:
            self._stopped.add(attempt)
        return is_stopped

    async def await_dispatch(self, hold: PaymentHold) -> None:
        """Wait for the dispatch. Raises HoldEnded when the payment's hold ends first."""
        if self.has_left:
            return
        status = await self._dispatched(hold)
        if status is TrackedStatus.WAITING:
            raise CompensationRequested(Reason.DISPATCH_DEADLINE_MISSED)
        if status is TrackedStatus.CANCELLED:
            raise CompensationRequested(Reason.SHIPMENT_FAILED)

    async def _dispatched(self, hold: PaymentHold) -> TrackedStatus:
        closes_at = self._dispatch_closes_at()
        while True:
            await hold.check(plan.AWAIT_DISPATCH)
            until = min(closes_at, hold.relied_on_until or closes_at)
            status = await self._tracked(
                plan.AWAIT_DISPATCH,
                until,
                TrackedStatus.DISPATCHED,
                TrackedStatus.DELIVERED,
                TrackedStatus.LOST,
                TrackedStatus.RETURNED_TO_SENDER,  # captured, and then refunded like a lost one
                TrackedStatus.CANCELLED,
                unless=hold.is_in_doubt,
            )
            if status is not TrackedStatus.WAITING or workflow.now() >= closes_at:
                return status

    def _dispatch_closes_at(self) -> datetime:
        """Return the end of the deadline, counted from the booking: a parcel may have waited for
        its goods longer than the carrier may take to collect it."""
        confirmed_at = self._saga.progress.since
        booked_at = min(self._booked_at or confirmed_at, workflow.now())
        return max(confirmed_at, booked_at) + self._saga.deadlines.of(plan.AWAIT_DISPATCH.deadline)

    async def await_delivery(self) -> None:
        closes_at = self._saga.closes_at(plan.AWAIT_DELIVERY)
        status = await self._tracked(
            plan.AWAIT_DELIVERY,
            closes_at,
            TrackedStatus.DELIVERED,
            TrackedStatus.LOST,
            TrackedStatus.RETURNED_TO_SENDER,
        )
        if status is TrackedStatus.RETURNED_TO_SENDER:
            raise CompensationRequested(Reason.PARCEL_RETURNED)
        if status is TrackedStatus.LOST:
            raise CompensationRequested(Reason.PARCEL_LOST)
        if status is not TrackedStatus.DELIVERED:
            raise overdue(
                "the carrier has missed the delivery deadline; ask the carrier, or compensate"
            )

    async def _tracked(
        self,
        step: PlanStep,
        closes_at: datetime,
        *expected: TrackedStatus,
        unless: Callable[[], bool] = lambda: False,
    ) -> TrackedStatus:
        """Track the parcel; when the carrier does not answer, ask it again until the deadline."""
        while True:
            try:
                return await self.tracking.wait_for(step, closes_at, *expected, unless=unless)
            except FailureError as error:
                self._saga.check()
                if describe(error).is_refusal or workflow.now() >= closes_at:
                    raise

    async def _ask_carrier(self, step: PlanStep) -> TrackedStatus:
        return await self._saga.ask(ShippingActivities.track, self._saga.order_id, step)
