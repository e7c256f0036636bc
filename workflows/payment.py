"""A payment that has to wait for its customer: 3-D Secure, or another method after a decline.

The order workflow authorises by itself and voids what must be voided; this workflow holds the
payment window open. Whatever it hears is a hint: it asks the provider what is so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

from activities.interface import PaymentActivities
from activities.types import AuthorizationOutcome, Authorize, Recorded
from domain.errors import ErrorCode
from domain.news import PaymentReported
from workflows.options import DATABASE, forward
from workflows.saga import STEP_FAILURES, refusal_of
from workflows.types import PaymentEnd, PaymentSaga, RetryPayment

Outcome = AuthorizationOutcome
T = TypeVar("T")
Ask = Callable[[PaymentActivities, T], Awaitable[AuthorizationOutcome]]


@workflow.defn
class PaymentWorkflow:
    @workflow.init
    def __init__(self, payment: PaymentSaga) -> None:
        self._payment = payment
        self._attempt = 1
        self._outcome = payment.outcome
        # The provider's word may have come between the first attempt and this workflow's start.
        self._news = payment.outcome is Outcome.PENDING
        self._retry: RetryPayment | None = None
        self._is_retrying = False
        self._is_closed = False

    @workflow.run
    async def run(self, payment: PaymentSaga) -> PaymentEnd:
        """Cancelled by the order workflow, which then undoes whatever stands."""
        closes_at = workflow.now() + payment.deadlines.payment_window
        while not self._is_authorized and await self._woken_before(closes_at):
            if self._retry is not None:
                await self._authorize(self._retry)
            else:
                await self._look_up()
        if self._outcome is Outcome.PENDING:
            await self._look_up()  # money authorised in the last moment is not overlooked
        self._is_closed = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        return PaymentEnd.AUTHORIZED if self._is_authorized else PaymentEnd.WINDOW_CLOSED

    @property
    def _is_authorized(self) -> bool:
        return self._outcome is Outcome.AUTHORIZED

    async def _woken_before(self, closes_at: datetime) -> bool:
        if workflow.cancellation_reason() is not None:
            # It was told to an activity that ended well all the same, and went no further.
            raise asyncio.CancelledError
        remaining = max(closes_at - workflow.now(), timedelta(0))
        try:
            await workflow.wait_condition(
                lambda: self._news or self._retry is not None, timeout=remaining
            )
        except TimeoutError:
            return False
        return True

    async def _authorize(self, retry: RetryPayment) -> None:
        self._outcome = await self._ask(
            PaymentActivities.authorize, self._attempt_with(retry, self._attempt)
        )
        self._retry = None
        self._is_retrying = False

    async def _look_up(self) -> None:
        self._news = False
        self._outcome = await self._ask(PaymentActivities.look_up, self._payment.order_id)

    async def _ask(self, activity: Ask[T], argument: T) -> AuthorizationOutcome:
        """A provider that does not answer leaves the outcome open: pending, until it is known."""
        try:
            return await workflow.execute_activity_method(
                activity, argument, **forward(self._payment.deadlines.provider_patience)
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return Outcome.PENDING

    def _attempt_with(self, retry: RetryPayment, attempt: int) -> Authorize:
        return Authorize(self._payment.order_id, attempt, retry.method, retry.actor)

    @workflow.update
    async def retry(self, retry: RetryPayment) -> Recorded:
        """Try another method; answers once the attempt is in the log, not once it is settled."""
        self._is_retrying = True
        try:
            recorded = await workflow.execute_local_activity_method(
                PaymentActivities.request_payment,
                self._attempt_with(retry, self._attempt + 1),
                **DATABASE,
            )
        except STEP_FAILURES as error:
            self._is_retrying = False
            self._news = True
            raise refusal_of(error) or error from None
        self._attempt += 1
        self._retry = retry
        return recorded

    @retry.validator
    def _validate_retry(self, retry: RetryPayment) -> None:
        del retry
        if self._is_closed or self._is_authorized or self._is_retrying:
            raise ApplicationError(
                f"the payment of order {self._payment.order_id} takes no other method now",
                type=ErrorCode.PAYMENT_NOT_RETRYABLE,
                non_retryable=True,
            )

    @workflow.signal
    def payment_reported(self, report: PaymentReported) -> None:
        del report  # whatever it says, the provider is asked
        self._news = True
