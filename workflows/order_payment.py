"""The payment of an order: authorized, captured on dispatch, voided or refunded by its undo."""

from __future__ import annotations

from temporalio import workflow
from temporalio.workflow import ActivityConfig

from activities.interface import PaymentActivities
from activities.types import AuthorizationOutcome, AuthorizationResult, ParcelInput
from domain.ids import payment_workflow_id
from domain.order.commands import CancellationReason as Reason
from domain.order.state import OrderStatus
from domain.provider_notifications import PaymentNotification
from domain.saga import plan
from domain.saga.plan import PlanStep
from workflows.child import run_child
from workflows.payment import PaymentWorkflow
from workflows.saga import CompensationRequested, SagaRunner
from workflows.types import PaymentResult, PaymentWorkflowInput


class OrderPayment:
    def __init__(self, saga: SagaRunner) -> None:
        self._saga = saga

    async def notify(self, report: PaymentNotification) -> None:
        """Take note of a notification that no payment workflow waits for."""

    async def restore(self) -> None:
        """Record the attempts to pay that the provider knows of and the log has lost."""
        await workflow.execute_activity_method(
            PaymentActivities.restore, self._saga.order_id, **self._saga.asking(plan.AUTHORIZE)
        )

    async def authorize(self) -> None:
        asking = self._asking_again if self._saga.is_recovered else self._saga.asking
        self._authorization = await workflow.execute_activity_method(
            PaymentActivities.authorize, self._saga.order_id, **asking(plan.AUTHORIZE)
        )
        if self._is_authorized:
            self._saga.reached(OrderStatus.CONFIRMED)

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
            if result is PaymentResult.WINDOW_CLOSED:
                raise CompensationRequested(Reason.PAYMENT_WINDOW_CLOSED)
            if result is PaymentResult.AUTHORIZED:
                break
            self._authorization = await self._resume_attempt()
        self._saga.reached(OrderStatus.CONFIRMED)

    async def capture(self, parcel: ParcelInput) -> None:
        await workflow.execute_activity_method(
            PaymentActivities.capture, parcel, **self._saga.asking(plan.CAPTURE)
        )
        self._saga.reached(OrderStatus.SHIPPED)

    async def give_back(self) -> bool:
        await workflow.execute_activity_method(
            PaymentActivities.give_back, self._saga.order_id, **self._saga.asking(plan.GIVE_BACK)
        )
        return True

    @property
    def _is_authorized(self) -> bool:
        return self._authorization.outcome is AuthorizationOutcome.AUTHORIZED

    async def _resume_attempt(self) -> AuthorizationResult:
        """Look up the latest attempt, and make it if a terminated workflow never did."""
        return await workflow.execute_activity_method(
            PaymentActivities.authorize,
            self._saga.order_id,
            **self._asking_again(plan.AWAIT_PAYMENT),
        )

    def _asking_again(self, step: PlanStep) -> ActivityConfig:
        """Return the options for a payment that is already open: an outage must not shorten its
        window."""
        left = self._saga.closes_at(plan.AWAIT_PAYMENT) - workflow.now()
        asking = self._saga.asking(step)
        asking["schedule_to_close_timeout"] = max(self._saga.deadlines.of(step.timeout), left)
        return asking
