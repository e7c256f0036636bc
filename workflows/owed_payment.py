"""Collect the payment of a parcel that has left although its hold is gone.

The order continues while the step `capture` is parked. The customer may pay again, by as many
attempts as the payment allows; an authorized one is captured at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from temporalio import workflow
from temporalio.exceptions import FailureError, is_cancelled_exception

from activities.interface import PaymentActivities
from domain.errors import ErrorCode
from domain.ids import payment_workflow_id
from domain.order.state import OrderStatus
from domain.saga import plan
from workflows.child import run_child
from workflows.failure import refusal_of
from workflows.parking import spread
from workflows.payment import PaymentWorkflow
from workflows.saga import CompensationRequested, SagaRunner
from workflows.types import PaymentResult, PaymentWorkflowInput

Action = Callable[[], Coroutine[Any, Any, None]]


class OwedPayment:
    """Run the step `capture`, beside the other steps while the payment is owed."""

    def __init__(self, saga: SagaRunner, capture: Action, release_hold: Action) -> None:
        """`release_hold` is run when an operator has settled the capture."""
        self._saga = saga
        self._capture = capture
        self._release_hold = release_hold
        self._capturing: asyncio.Task[None] | None = None
        self._collecting: asyncio.Task[None] | None = None
        self._is_stopping = False

    async def capture_or_owe(self) -> None:
        """Run the step to its end, or until it is parked because the payment is owed.

        Raises CompensationRequested.
        """
        if self._capturing is None or self._capturing.done():
            self._capturing = asyncio.create_task(self._run_step())
        capturing = self._capturing
        await workflow.wait_condition(lambda: capturing.done() or self._collecting is not None)
        if capturing.done():
            await capturing

    async def collected(self) -> None:
        """Wait until the step has ended. Raises CompensationRequested."""
        if self._capturing is not None:
            await self._capturing

    async def stop(self) -> None:
        """Let the step end: the saga compensates, and takes no further payment."""
        if self._capturing is not None:
            await workflow.wait_condition(self._capturing.done)
            if not self._capturing.cancelled():
                self._capturing.exception()  # retrieve it: the compensation replaces it
            self._capturing = None

    async def _run_step(self) -> None:
        try:
            await self._saga.step(plan.CAPTURE, self._try)
            await self._stop_collecting()
            if self._saga.is_settled(plan.CAPTURE):
                await self._saga.step(plan.RELEASE_HOLD, self._release_hold)
        except CompensationRequested as request:
            await self._stop_collecting()
            self._saga.compensate_now(request.reason)
            raise

    async def _try(self) -> None:
        try:
            await self._capture()
        except FailureError as error:
            refusal = refusal_of(error)
            if refusal is not None and refusal.type == ErrorCode.PAYMENT_OWED:
                self._saga.reached(OrderStatus.SHIPPED)  # the dispatch was recorded first
                self._collecting = self._collecting or asyncio.create_task(self._collect())
            raise

    async def _collect(self) -> None:
        """Take the customer's attempts until one is authorized, then have it captured."""
        parked = self._saga.parked
        await workflow.wait_condition(lambda: parked.is_recorded(plan.CAPTURE.name))
        while not await self._is_paid():
            self._check_is_collecting()
            await self._saga.new_run.begin_if_long()
        self._collecting = None  # the next refusal starts it again
        parked.retry(plan.CAPTURE.name)

    async def _is_paid(self) -> bool:
        """Hold a payment window open; return whether the customer has paid.

        Each window is longer than the one before, so that a year of them costs little.
        """
        order_id, pause = self._saga.order_id, self._saga.parked.pause
        window = pause(plan.CAPTURE.name, self._saga.deadlines.payment_window)
        deadlines = replace(self._saga.deadlines, payment_window=window)
        try:
            latest = await self._saga.ask(PaymentActivities.look_up, order_id, plan.CAPTURE)
            self._check_is_collecting()
            result = await run_child(
                PaymentWorkflow.run,
                PaymentWorkflowInput(order_id, latest, workflow.now(), deadlines),
                id=payment_workflow_id(order_id),
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            workflow.logger.warning("the payment could not be looked up; it is tried again later")
            await workflow.sleep(spread(pause(plan.CAPTURE.name, deadlines.parked_retry)))
            return False
        return result is not None and result.outcome is PaymentResult.AUTHORIZED

    def _check_is_collecting(self) -> None:
        """Stop if an activity that completed has swallowed the cancellation."""
        if self._is_stopping:
            raise asyncio.CancelledError

    async def _stop_collecting(self) -> None:
        if self._collecting is not None:
            self._is_stopping = True
            self._collecting.cancel()
            await workflow.wait_condition(self._collecting.done)
            if not self._collecting.cancelled():
                self._collecting.exception()
            self._collecting, self._is_stopping = None, False
