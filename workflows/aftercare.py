"""Attend to notifications that no other workflow of an order waits for.

A refund fails at the bank days later, a customer's bank disputes the charge, goods come back after
their return has lapsed. The workflow asks the providers, because a notification is only a hint, and
records what they say. It ends when nothing is left to do, so an order without news has none.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError

from activities.interface import (
    AftercareActivities,
    OrderActivities,
    PaymentActivities,
    RecoveryActivities,
)
from activities.types.aftercare import AftercareResult, FailedRefund, RefundAgainInput
from activities.types.parking import ParkedStep
from activities.types.reconciliation import ReconcileInput
from domain.errors import ErrorCode
from domain.provider_notifications import PaymentNotification, ShipmentNotification
from domain.saga import plan
from domain.saga.commands import Intervention
from workflows.changed_stock import attend_to_stock_of
from workflows.saga import SagaRunner
from workflows.saga_workflow import SagaWorkflow
from workflows.types import ClosedDisputeSignal, Deadlines
from workflows.uncancellable import uncancellable

ATTEND: Final = "attend"
RECOVER: Final = "recover"
DISPUTE_CLOSED: Final = "dispute_closed"


@dataclass(frozen=True, slots=True)
class AftercareInput:
    order_id: str
    deadlines: Deadlines


@workflow.defn
class AftercareWorkflow(SagaWorkflow):
    @workflow.init
    def __init__(self, aftercare: AftercareInput) -> None:
        self._input = aftercare
        self._order_id = aftercare.order_id
        self._saga = SagaRunner(aftercare.order_id, aftercare.deadlines)
        self._is_notified = True
        self._has_attended = False
        self._running: dict[str, asyncio.Task[None]] = {}

    @workflow.run
    async def run(self, aftercare: AftercareInput) -> None:
        """Run until nothing is left to do. What is parked waits for an operator."""
        del aftercare  # the SDK hands it to __init__ as well
        await uncancellable(
            self._run(),
            lambda: workflow.logger.warning("aftercare is not cancelled"),
            self._saga.new_run,
            lambda: self._input,
        )

    async def _run(self) -> None:
        await self._take_over()
        while self._is_notified or self._running:
            await workflow.wait_condition(lambda: self._is_notified or self._has_ended())
            for name in [name for name, task in self._running.items() if task.done()]:
                self._running.pop(name).result()
            if self._is_notified:
                await self._saga.new_run.begin_if_long()
                self._is_notified = False
                if (found := await self._attend()) is not None:
                    await self._follow(found)

    async def _take_over(self) -> None:
        """Keep what an earlier run has parked: operators settle it while no provider answers."""
        try:
            progress = await self._saga.load_progress()
        except FailureError:  # the log may have lost the order: the recovery places it again
            return
        self._saga.parked.take_over(progress.parked_in(workflow.info().workflow_id))

    def _has_ended(self) -> bool:
        return any(task.done() for task in self._running.values())

    async def _attend(self) -> AftercareResult | None:
        """Ask the providers until they answer; return None if an operator ends it."""
        while True:
            try:
                found = await self._saga.ask(
                    AftercareActivities.attend, self._order_id, plan.REFUND
                )
            except FailureError as error:
                if await self._park(ATTEND, error) is not Intervention.RETRY:
                    return None
            else:
                await self._saga.parked.end(ATTEND)
                return found

    async def _follow(self, found: AftercareResult) -> None:
        await self._end_others(found)
        for failed in found.failed_refunds:
            self._begin(failed.step, self._make_good(failed))
        if found.return_resumed:
            self._begin(plan.REFUND.name, self._refund_return())
        for parked in found.undisputed:
            await self._retry(parked)
        if found.has_parcel_back:
            await attend_to_stock_of(self._order_id)
        if found.is_open:
            self._begin(RECOVER, self._recover())

    async def _end_others(self, found: AftercareResult) -> None:
        """Keep the parkings of an earlier run whose steps run again, and end the others."""
        if not self._has_attended:
            self._has_attended = True
            self._saga.take_over_settled(found.settled)
            self._saga.parked.take_over(found.left_parked)
            run_again = {failed.step for failed in found.failed_refunds}
            if found.return_resumed:
                run_again |= {plan.REFUND.name, plan.FINISH_RETURN}
            await self._saga.parked.end_all(unless=run_again)

    def _begin(self, name: str, run: Coroutine[Any, Any, None]) -> None:
        if name in self._running:
            run.close()
        else:
            self._running[name] = asyncio.create_task(run)

    async def _recover(self) -> None:
        """Recover the saga of an open order, if it has lost its workflow."""
        try:
            await workflow.execute_activity_method(
                RecoveryActivities.recover_missing,
                ReconcileInput(self._order_id),
                **self._saga.asking(plan.REFUND),
            )
        except FailureError as error:  # the scheduled recovery finds the order as well
            workflow.logger.warning("the order was not recovered: %s", error)

    async def _make_good(self, failed: FailedRefund) -> None:
        """Park until an operator decides: to refund again, or that it is settled otherwise.

        The providers are asked again afterwards, so that a discrepancy is resolved.
        """
        error = await self._refund_again(failed) if failed.is_retried else _failed(failed)
        while error is not None:
            if await self._park(failed.step, error) is not Intervention.RETRY:
                break
            error = await self._refund_again(failed)
        await self._saga.parked.end(failed.step)
        self._is_notified = True

    async def _refund_again(self, failed: FailedRefund) -> FailureError | None:
        """Refund again; return the failure."""
        again = RefundAgainInput(self._order_id, failed.number, failed.step)
        try:
            await self._saga.ask(AftercareActivities.refund_again, again, plan.REFUND)
        except FailureError as failure:
            return failure
        return None

    async def _refund_return(self) -> None:
        """Refund a lapsed return whose goods are back, as the workflow of a return does."""
        run = self._saga.run_until_settled
        if not await run(plan.REFUND.name, self._refund, settled=False):
            await run(plan.FINISH_RETURN, self._finish, settled=None)
        await attend_to_stock_of(self._order_id)
        self._is_notified = True

    async def _refund(self) -> bool:
        await self._saga.ask(PaymentActivities.refund, self._order_id, plan.REFUND)
        return True

    async def _finish(self) -> None:
        await self._saga.run_local(OrderActivities.finish_return, plan.REFUND)

    async def _retry(self, parked: ParkedStep) -> None:
        """Retry a step if a dispute has stopped it, in whichever workflow it is parked."""
        closed = ClosedDisputeSignal(self._order_id, parked.step)
        if parked.workflow_id == workflow.info().workflow_id:
            self.dispute_closed(closed)
            return
        try:
            other = workflow.get_external_workflow_handle(parked.workflow_id)
            await other.signal(DISPUTE_CLOSED, closed)
        except FailureError:  # it has ended, or its recovery retries the step
            workflow.logger.info("%s no longer waits for the dispute", parked.workflow_id)

    async def _park(self, step: str, error: FailureError) -> Intervention:
        return await self._saga.parked.park(step, error, undoing=True)

    @workflow.signal
    def payment_notification(self, report: PaymentNotification) -> None:
        del report  # the notification is only a hint; the workflow asks the provider
        self._notice()

    @workflow.signal
    def shipment_notification(self, report: ShipmentNotification) -> None:
        del report
        self._notice()

    def _notice(self) -> None:
        """Ask the providers, also if they have not answered and the next try is far away."""
        self._is_notified = True
        self._saga.parked.nudge(ATTEND)


def _failed(refund: FailedRefund) -> ApplicationError:
    return ApplicationError(
        f"a refund of {refund.amount} {refund.currency} (minor units) failed at the customer's"
        " bank: retry it, or give the money back by other means and resolve the step",
        type=ErrorCode.REFUND_FAILED,
        non_retryable=True,
    )
