"""A refund that an operator has requested: it is recorded as promised before this runs."""

from __future__ import annotations

from temporalio import workflow

from activities.interface import PaymentActivities
from activities.types.payment import RefundInput
from domain.saga.plan import refund_order
from workflows.options import DATABASE
from workflows.saga import SagaRunner
from workflows.saga_workflow import SagaWorkflow
from workflows.types import RefundWorkflowInput
from workflows.uncancellable import uncancellable


@workflow.defn
class RefundWorkflow(SagaWorkflow):
    @workflow.init
    def __init__(self, refund: RefundWorkflowInput) -> None:
        self._input = refund
        self._saga = SagaRunner(refund.order_id, refund.deadlines)
        self._step = refund_order(refund.number)
        self._refund = RefundInput(refund.order_id, refund.number)

    @workflow.run
    async def run(self, refund: RefundWorkflowInput) -> None:
        """Run the refund to its end. No cancellation stops it: the money is promised."""
        del refund  # the SDK hands it to __init__ as well
        await uncancellable(
            self._run(),
            lambda: workflow.logger.warning("a refund is not cancelled"),
            self._saga.new_run,
            lambda: self._input,
        )

    async def _run(self) -> None:
        await self._saga.reload_progress()
        left = self._saga.progress.parked_in(workflow.info().workflow_id)
        self._saga.parked.take_over(left)
        run = self._saga.run_until_settled
        if not await run(self._step.name, self._give, settled=False):
            await workflow.execute_local_activity_method(
                PaymentActivities.end_refund, self._refund, **DATABASE
            )
        await self._saga.parked.end_all()

    async def _give(self) -> bool:
        await self._saga.ask(PaymentActivities.refund_order, self._refund, self._step)
        return True
