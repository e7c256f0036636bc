"""A payment that waits for its customer: 3-D Secure, or another method after a decline.

The order workflow makes the first authorization and gives back what must be given back. This
workflow holds the payment window open. It takes each notification as a hint only and asks the
provider for the state of the payment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, TypeVar

from temporalio import workflow
from temporalio.exceptions import (
    ApplicationError,
    FailureError,
    is_cancelled_exception,
)

from activities.interface import PaymentActivities
from activities.types.order import RecordedResult
from activities.types.payment import AuthorizationOutcome, AuthorizationResult, AuthorizeInput
from domain.errors import ErrorCode
from domain.provider_notifications import PaymentNotification
from domain.saga import plan
from workflows.failure import refusal_of
from workflows.options import DATABASE, asking
from workflows.provider_calls import ask_provider
from workflows.types import (
    PaymentResult,
    PaymentRetryInput,
    PaymentWorkflowInput,
    PaymentWorkflowResult,
)

Outcome = AuthorizationOutcome
T = TypeVar("T")
ATTEMPT_WAIT_TIMEOUT: Final = timedelta(seconds=10)
"""Longer than Temporal needs to retry an attempt whose worker has died."""
Ask = Callable[[PaymentActivities, T], Awaitable[AuthorizationResult]]


@workflow.defn
class PaymentWorkflow:
    @workflow.init
    def __init__(self, payment: PaymentWorkflowInput) -> None:
        self._payment = payment
        self._latest = payment.authorization
        self._closes_at = payment.opened_at + payment.deadlines.of(plan.AWAIT_PAYMENT.deadline)
        # The provider's notification may have come between the first attempt and this workflow's
        # start.
        self._is_notified = self._latest.outcome is Outcome.PENDING
        self._retry: PaymentRetryInput | None = None
        self._is_retrying = False
        self._is_waiting = False
        """A retry waits for the attempt before it."""
        self._is_closed = False

    @workflow.run
    async def run(self, payment: PaymentWorkflowInput) -> PaymentWorkflowResult:
        """Wait until the payment is settled or the window closes. The order workflow cancels this
        workflow and then undoes the payment."""
        del payment  # the SDK hands it to __init__ as well
        try:
            await self._until_paid_or_closed()
        except (Exception, asyncio.CancelledError):  # and no GeneratorExit: then nothing may wait
            await self._close()
            raise
        await self._close()
        if not self._is_authorized:
            return PaymentWorkflowResult(PaymentResult.WINDOW_CLOSED)
        return PaymentWorkflowResult(PaymentResult.AUTHORIZED, self._latest.relied_on_until)

    async def _close(self) -> None:
        """Take in no further retry, and answer those that were taken in."""
        self._is_closed = True
        await _undisturbed(workflow.all_handlers_finished)

    async def _until_paid_or_closed(self) -> None:
        while not self._is_authorized and await self._is_woken():
            if self._retry is not None:
                await self._authorize_again(self._retry)
            else:
                await self._look_up()

    @property
    def _is_authorized(self) -> bool:
        return self._latest.outcome is Outcome.AUTHORIZED

    async def _is_woken(self) -> bool:
        """Return whether there is work to do before the window closes, a retry accepted at the last
        moment included."""
        if workflow.cancellation_reason() is not None:
            # The cancellation arrived during an activity that completed, and no later wait saw it.
            raise asyncio.CancelledError
        remaining = max(self._closes_at - workflow.now(), timedelta(0))
        try:
            await workflow.wait_condition(self._has_something_to_do, timeout=remaining)
        except TimeoutError:
            return await self._is_there_a_last_word()
        return True

    def _has_something_to_do(self) -> bool:
        return self._is_notified or self._retry is not None

    async def _is_there_a_last_word(self) -> bool:
        """Close the window: accept no more retries, and look up the attempt that is still open."""
        if self._is_closed:
            return False
        self._is_closed = True
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._is_notified = self._latest.outcome is Outcome.PENDING
        return self._has_something_to_do()

    async def _authorize_again(self, retry: PaymentRetryInput) -> None:
        attempt = self._attempt_with(retry, self._latest.attempt)
        await self._ask(PaymentActivities.authorize_again, attempt)
        self._retry = None
        self._is_retrying = False

    async def _look_up(self) -> None:
        self._is_notified = False
        await self._ask(PaymentActivities.look_up, self._payment.order_id)

    async def _ask(self, activity: Ask[T], argument: T) -> None:
        """Keep the outcome pending while the provider does not answer."""
        try:
            self._latest = await ask_provider(
                activity,
                argument,
                asking(plan.AWAIT_PAYMENT, self._payment.deadlines),
                order_id=self._payment.order_id,
                until=self._closes_at,
            )
        except FailureError as error:
            if is_cancelled_exception(error):
                raise
            self._latest = AuthorizationResult(Outcome.PENDING, self._latest.attempt)

    def _attempt_with(self, retry: PaymentRetryInput, attempt: int) -> AuthorizeInput:
        return AuthorizeInput(self._payment.order_id, attempt, retry.method, retry.actor, retry.key)

    @workflow.update
    async def retry(self, retry: PaymentRetryInput) -> RecordedResult:
        """Try another method. The update answers once the attempt is in the log, before its
        outcome."""
        if self._is_retrying:
            await self._wait_for_attempt()
        self._is_retrying = True
        attempt = self._latest.attempt + 1
        try:
            recorded = await workflow.execute_local_activity_method(
                PaymentActivities.request_payment, self._attempt_with(retry, attempt), **DATABASE
            )
        except FailureError as error:
            self._is_retrying = False
            self._is_notified = True
            raise refusal_of(error) or error from None
        self._latest = AuthorizationResult(Outcome.PENDING, attempt)
        self._retry = retry
        return recorded

    @retry.validator
    def _validate_retry(self, retry: PaymentRetryInput) -> None:
        del retry
        if self._is_closed or self._is_authorized or self._is_waiting:
            raise self._not_now()

    async def _wait_for_attempt(self) -> None:
        """Wait for the attempt that is made now: its decline is in the log before it is here.

        Raises ApplicationError when it takes too long, or no other method is needed.
        """
        self._is_waiting = True
        try:
            await workflow.wait_condition(
                lambda: self._is_closed or not self._is_retrying, timeout=ATTEMPT_WAIT_TIMEOUT
            )
        except TimeoutError:
            raise self._not_now() from None
        finally:
            self._is_waiting = False
        if self._is_closed or self._is_authorized:
            raise self._not_now()

    def _not_now(self) -> ApplicationError:
        return ApplicationError(
            f"the payment of order {self._payment.order_id} accepts no other method now",
            type=ErrorCode.PAYMENT_NOT_RETRYABLE,
            non_retryable=True,
        )

    @workflow.signal
    def payment_notification(self, report: PaymentNotification) -> None:
        del report  # the notification is only a hint; the workflow asks the provider
        self._is_notified = True


async def _undisturbed(condition: Callable[[], bool]) -> None:
    """Wait although the payment is cancelled: a caller with an accepted update gets its answer."""
    while not condition():
        try:
            await workflow.wait_condition(condition)
        except asyncio.CancelledError:
            continue
