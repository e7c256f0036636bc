"""The payment of an order: authorized, captured on dispatch, voided or refunded by its undo."""

from __future__ import annotations

from datetime import datetime

from temporalio import workflow
from temporalio.workflow import ActivityConfig

from activities.interface import PaymentActivities
from activities.types.payment import AuthorizationOutcome, AuthorizationResult, HoldInput
from activities.types.shipping import ParcelInput
from domain.ids import payment_workflow_id
from domain.order.commands import CancellationReason as Reason
from domain.order.state import OrderStatus
from domain.provider_notifications import PaymentNotification, PaymentNotificationKind
from domain.saga import plan
from domain.saga.plan import PlanStep
from workflows.child import run_child
from workflows.payment import PaymentWorkflow
from workflows.payment_hold import PaymentHold
from workflows.saga import CompensationRequested, SagaRunner
from workflows.types import PaymentResult, PaymentWorkflowInput


class OrderPayment:
    def __init__(self, saga: SagaRunner) -> None:
        self._saga = saga
        self.hold = PaymentHold(saga)

    async def notify(self, report: PaymentNotification) -> None:
        """Take the provider's report as a hint only: the saga asks before the parcel leaves.

        After that, a parked capture learns from the provider that the payment is owed. An operator
        may have done a parked step by hand at the provider: it finds that when it is retried.
        """
        if report.kind is PaymentNotificationKind.CANCELED:
            self.hold.doubt()
            for step in (plan.CAPTURE.name, plan.GIVE_BACK.name, plan.RELEASE_HOLD.name):
                self._saga.parked.retry(step)
        if report.kind is PaymentNotificationKind.CAPTURED:
            self._saga.parked.retry(plan.CAPTURE.name)

    async def restore(self) -> None:
        """Record the attempts to pay that the provider knows of and the log has lost."""
        await self._saga.ask(PaymentActivities.restore, self._saga.order_id, plan.AUTHORIZE)

    async def authorize(self) -> None:
        asking = self._asking_again if self._saga.is_recovered else self._saga.asking
        self._authorization = await self._authorize(plan.AUTHORIZE, asking(plan.AUTHORIZE))
        if self._is_authorized:
            self._confirmed(self._authorization.relied_on_until)

    async def await_customer(self) -> None:
        """Run the payment workflow when the payment needs its customer.

        Raises CompensationRequested when the payment window closes.
        """
        opened_at = self._saga.progress.since
        while not self._is_authorized:
            self._saga.check()
            result = await run_child(
                PaymentWorkflow.run,
                PaymentWorkflowInput(
                    self._saga.order_id, self._authorization, opened_at, self._saga.deadlines
                ),
                id=payment_workflow_id(self._saga.order_id),
            )
            if result is None:
                self._authorization = await self._resume_attempt()
                continue
            if result.outcome is PaymentResult.WINDOW_CLOSED:
                raise CompensationRequested(Reason.PAYMENT_WINDOW_CLOSED)
            self._confirmed(result.relied_on_until)
            return
        self._confirmed(self._authorization.relied_on_until)

    async def end_hold(self, attempt: int) -> None:
        """Let the hold go and record that, after the parcel was stopped."""
        hold = HoldInput(self._saga.order_id, attempt)
        progress = await self._saga.ask(PaymentActivities.end_hold, hold, plan.ASK_AGAIN)
        self._saga.check()  # a cancellation that came meanwhile is not in this progress
        self._saga.resume_from(progress)

    async def capture(self, parcel: ParcelInput) -> None:
        await self._saga.ask(PaymentActivities.capture, parcel, plan.CAPTURE)
        self._saga.reached(OrderStatus.SHIPPED)

    async def release_hold(self, parcel: ParcelInput) -> None:
        await self._saga.ask(PaymentActivities.release_hold, parcel, plan.RELEASE_HOLD)
        self._saga.reached(OrderStatus.SHIPPED)

    async def give_back(self) -> bool:
        await self._saga.ask(PaymentActivities.give_back, self._saga.order_id, plan.GIVE_BACK)
        return True

    def _confirmed(self, relied_on_until: datetime | None) -> None:
        self.hold.relied_on_until = relied_on_until
        self._saga.reached(OrderStatus.CONFIRMED)

    @property
    def _is_authorized(self) -> bool:
        return self._authorization.outcome is AuthorizationOutcome.AUTHORIZED

    async def _resume_attempt(self) -> AuthorizationResult:
        """Look up the latest attempt, and make it if a terminated workflow never did."""
        return await self._authorize(plan.AWAIT_PAYMENT, self._asking_again(plan.AWAIT_PAYMENT))

    async def _authorize(self, step: PlanStep, asking: ActivityConfig) -> AuthorizationResult:
        """Authorize; while the provider is down for everybody, wait until the window closes."""
        until = self._saga.closes_at(plan.AWAIT_PAYMENT)
        return await self._saga.ask(
            PaymentActivities.authorize, self._saga.order_id, step, asking, until
        )

    def _asking_again(self, step: PlanStep) -> ActivityConfig:
        """Return the options for a payment that is already open: an outage must not shorten its
        window."""
        left = self._saga.closes_at(plan.AWAIT_PAYMENT) - workflow.now()
        asking = self._saga.asking(step)
        asking["schedule_to_close_timeout"] = max(self._saga.deadlines.of(step.timeout), left)
        return asking
