"""The shipment of an order: created, tracked until it is dispatched and delivered, or cancelled."""

from __future__ import annotations

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.interface import ShippingActivities
from activities.types import ParcelInput, TrackedStatus
from domain.order.commands import CancellationReason as Reason
from domain.provider_notifications import ShipmentNotification
from domain.saga import plan
from domain.saga.plan import PlanStep
from workflows.failure import describe, overdue
from workflows.saga import CompensationRequested, SagaRunner
from workflows.shipment_tracking import ShipmentTracking


class OrderShipment:
    def __init__(self, saga: SagaRunner) -> None:
        self._saga = saga
        self.tracking = ShipmentTracking(saga, self._ask_carrier)
        self.has_left = False
        """The carrier has the parcel, so that the order can no longer be cancelled."""
        self.parcel = ParcelInput(saga.order_id)
        """The parcel as the carrier's latest notification describes it."""

    def notify(self, report: ShipmentNotification) -> None:
        if report.tracking is not None:
            self.parcel = ParcelInput(self._saga.order_id, report.tracking)
        self.tracking.notify(TrackedStatus(report.kind.value), is_confirmed=report.is_confirmed)

    async def create(self) -> None:
        if not self.has_left:
            await workflow.execute_activity_method(
                ShippingActivities.create_shipment,
                self._saga.order_id,
                **self._saga.asking(plan.CREATE_SHIPMENT),
            )

    async def cancel(self) -> bool:
        """Return whether the carrier could stop the parcel."""
        return await workflow.execute_activity_method(
            ShippingActivities.cancel_shipment,
            self._saga.order_id,
            **self._saga.asking(plan.CANCEL_SHIPMENT),
        )

    async def await_dispatch(self) -> None:
        if self.has_left:
            return
        status = await self._tracked(
            plan.AWAIT_DISPATCH,
            TrackedStatus.DISPATCHED,
            TrackedStatus.DELIVERED,
            TrackedStatus.LOST,
            TrackedStatus.RETURNED_TO_SENDER,  # captured first, and then refunded like a lost one
            TrackedStatus.CANCELLED,
        )
        if status is TrackedStatus.WAITING:
            raise CompensationRequested(Reason.DISPATCH_DEADLINE_MISSED)
        if status is TrackedStatus.CANCELLED:
            raise CompensationRequested(Reason.SHIPMENT_FAILED)

    async def await_delivery(self) -> None:
        status = await self._tracked(
            plan.AWAIT_DELIVERY,
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

    async def _tracked(self, step: PlanStep, *expected: TrackedStatus) -> TrackedStatus:
        """Track the parcel; when the carrier does not answer, ask it again until the deadline."""
        closes_at = self._saga.closes_at(step)
        while True:
            try:
                return await self.tracking.wait_for(step, closes_at, *expected)
            except FailureError as error:
                self._saga.check()
                if describe(error).is_refusal or workflow.now() >= closes_at:
                    raise

    async def _ask_carrier(self, step: PlanStep) -> TrackedStatus:
        return await workflow.execute_activity_method(
            ShippingActivities.track, self._saga.order_id, **self._saga.asking(step)
        )
