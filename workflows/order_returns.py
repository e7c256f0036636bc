"""The returns of a delivered order, until its return window closes."""

from __future__ import annotations

import asyncio

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.interface import OrderActivities, ShippingActivities
from domain.ids import return_workflow_id
from domain.order.state import OrderStatus
from domain.saga import plan
from workflows.child import run_child
from workflows.returns import ReturnWorkflow
from workflows.saga import SagaRunner
from workflows.shipment_tracking import ShipmentTracking
from workflows.types import ReturnWorkflowInput


class OrderReturns:
    def __init__(self, saga: SagaRunner, tracking: ShipmentTracking, gate: asyncio.Lock) -> None:
        self._saga = saga
        self._tracking = tracking
        self._gate = gate
        self._resuming = asyncio.Lock()
        """Held while the carrier is asked for the goods. A customer does not wait for that."""
        self._is_window_closed = False
        self.is_requested = False
        """A return is recorded, and its workflow has not ended yet."""
        self._may_be_back = False
        """The carrier has reported goods while a return was under way, perhaps as it lapsed."""

    async def goods_are_back(self) -> None:
        """Resume a return that has lapsed. The workflow of a return under way asks the carrier."""
        async with self._resuming:
            self._may_be_back = self.is_requested
            if self.is_requested or self._saga.is_compensating:
                return
            try:
                is_resumed = await self._saga.ask(
                    ShippingActivities.resume_return, self._saga.order_id, plan.AWAIT_GOODS
                )
                self.is_requested = is_resumed or self.is_requested
            except FailureError as error:  # reconciliation asks the carrier again
                workflow.logger.warning("a lapsed return was not resumed: %s", error)
            self._tracking.may_have_missed = self.is_requested or self._tracking.may_have_missed

    async def await_return(self) -> None:
        """Run a workflow for each return. After a return in part, the window may still be open."""
        closes_at = self._saga.closes_at(plan.AWAIT_RETURN)
        while not self._is_window_closed:
            await self._saga.wait_until(closes_at, lambda: self.is_requested)
            async with self._resuming, self._gate:
                self._is_window_closed = not self.is_requested
            if self.is_requested and await self._is_returned_whole():
                return

    async def complete(self) -> None:
        """Complete the order.

        The log refuses this while a return is under way. The workflow then reloads the progress,
        because it may not know of that return.
        """
        try:
            await self._saga.run_local(OrderActivities.complete, plan.COMPLETE)
        except FailureError:
            await self._saga.reload_progress()
            if not self._saga.progress.return_requested:
                raise
            if not await self._is_returned_whole():
                await self.complete()
        else:
            self._saga.reached(OrderStatus.COMPLETED)

    async def _is_returned_whole(self) -> bool:
        """Run the return to its end; return whether the whole order came back."""
        result = None
        while result is None:
            progress, workflow_id = self._saga.progress, return_workflow_id(self._saga.order_id)
            with self._saga.new_run.busy():
                result = await run_child(
                    ReturnWorkflow.run,
                    ReturnWorkflowInput(
                        order_id=self._saga.order_id,
                        deadlines=self._saga.deadlines,
                        requested_at=progress.return_requested_at or workflow.now(),
                        settled=progress.settled,
                        parked=progress.parked_in(workflow_id),
                        may_have_missed_notification=self._tracking.may_have_missed,
                    ),
                    id=workflow_id,
                )
            self._tracking.may_have_missed = True
            async with (
                self._resuming,
                self._gate,
            ):  # the customer may ask again as soon as a return has lapsed
                await self._saga.reload_progress()
                self.is_requested = self._saga.progress.return_requested
        if self._may_be_back and not self._saga.progress.is_final:
            await self.goods_are_back()
        return self._saga.progress.is_final
