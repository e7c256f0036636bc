"""One command on one aggregate, run once for each idempotency key and kept where it can be seen."""

from __future__ import annotations

from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import FailureError

from activities.interface import OrderActivities
from activities.types import RunCommand
from domain.ids import order_workflow_id
from workflows.options import DATABASE
from workflows.order import OrderWorkflow


@dataclass(frozen=True, slots=True)
class CommandDone:
    """The fingerprint tells whose input it was that has been run under this key."""

    position: int
    fingerprint: str


@workflow.defn
class CommandWorkflow:
    @workflow.run
    async def run(self, command: RunCommand) -> CommandDone:
        done = await workflow.execute_local_activity_method(
            OrderActivities.run_command, command, **DATABASE
        )
        for order_id in done.wakes:
            await self._wake(order_id)
        return CommandDone(done.position, command.fingerprint)

    async def _wake(self, order_id: str) -> None:
        order = workflow.get_external_workflow_handle_for(
            OrderWorkflow.run, order_workflow_id(order_id)
        )
        try:
            await order.signal(OrderWorkflow.stock_received)
        except FailureError:  # it has ended, or is about to be taken up and will look by itself
            workflow.logger.info("order %s waits no longer", order_id)
