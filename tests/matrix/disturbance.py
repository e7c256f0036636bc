"""Disturb a saga from the test: at the gate of an activity, or while nothing of it runs.

All later actions wait for the disturbance. It ends only when the server has confirmed it, because a
request that was only sent may arrive too late.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.update.v1 import UpdateRef
from temporalio.api.workflowservice.v1 import PollWorkflowExecutionUpdateRequest
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError, WorkflowUpdateStage
from temporalio.service import RPCError, RPCStatusCode

from activities.types.order import CancellationInput, CancellationResult
from domain.order.commands import CancellationReason
from domain.order.decide import ORDER
from kit.eventually import eventually
from tests.matrix.actors import People
from tests.matrix.cases import Case, Fault
from tests.matrix.points import Point
from tests.matrix.worker import KeptWorker
from tests.matrix.world import POLL_SECONDS, World, workflow_id
from tests.support.resetting import reset
from workflows.order import OrderWorkflow

UPDATE_ID: Final = "cancel-at-the-gate"


class Disturbance:
    def __init__(self, world: World, case: Case, people: People) -> None:
        self._world = world
        self._case = case
        self._people = people
        self._id = people.id
        self.is_over = False
        self.was_cancelled = False
        """The API has confirmed the cancellation to the customer."""
        self.cancelled_run: str | None = None
        """The run of the order's workflow that the test cancelled in Temporal."""

    async def happen(self, worker: KeptWorker | None) -> None:
        await self._its_moment()
        match self._case.fault:
            case Fault.KILLED:
                assert worker
                await worker.kill()
            case Fault.TERMINATED | Fault.CUT_OFF:
                await self._terminate(self._case.point.runs_in)
            case Fault.PARENT_TERMINATED:
                await self._terminate("order")
            case Fault.TEMPORAL_CANCELLED:
                self.cancelled_run = (await self._order.describe()).run_id
                await self._order.cancel()  # the server keeps a confirmed request
            case Fault.CANCELLED:
                await self._cancel()
            case Fault.RESET:
                await reset(self._world.client, self._order.id)
            case Fault.GONE:
                await self._people.end("order")
                await self._people.recover()  # as the API does when the customer asks
                await self._cancel()
        if self._case.fault is not Fault.CUT_OFF:  # its attempt learns in time of its end
            self._world.scripts.open(self._id)
        self.is_over = True

    async def _its_moment(self) -> None:
        scripts, wait = self._world.scripts, self._case.point.wait
        if wait is not None:
            await wait.begins(self._people)
            await self._world.until_idle(*workflows_at(self._case.point, self._id))
            scripts.spring(self._id)
        await eventually(lambda: scripts.has_sprung(self._id), None)

    async def _terminate(self, kind: str) -> None:
        """Terminate the workflow; recover it, or the order whose own it was."""
        await self._people.end(kind)
        if kind == "refund":
            await self._people.run_refund()
        if kind == "order" and (await self._world.state(ORDER, self._id)).status is not None:
            await self._people.recover()

    async def _cancel(self) -> None:
        """Request a cancellation, and open the gate once the workflow has received it.

        A workflow that runs a local activity receives nothing before the activity ends. There the
        gate opens as soon as the server has admitted the update.
        """
        request = CancellationInput(self._id, CancellationReason.CUSTOMER_REQUEST, "customer:gate")
        asked = asyncio.create_task(
            self._order.start_update(
                OrderWorkflow.cancel,
                request,
                id=UPDATE_ID,
                wait_for_stage=WorkflowUpdateStage.ACCEPTED,
            )
        )
        if is_busy(self._case.point):
            await self._until_admitted()
            self._world.scripts.open(self._id)
        try:
            update = await asked
            self._world.scripts.open(self._id)
            answer: CancellationResult = await update.result()
        except (WorkflowUpdateFailedError, RPCError):
            return  # the request arrives too late
        self.was_cancelled = answer.status == "CANCELLING"

    async def _until_admitted(self) -> None:
        execution = WorkflowExecution(workflow_id=f"order-{self._id}")
        request = PollWorkflowExecutionUpdateRequest(
            namespace=self._world.client.namespace,
            update_ref=UpdateRef(workflow_execution=execution, update_id=UPDATE_ID),
        )
        while True:
            try:
                await self._world.client.workflow_service.poll_workflow_execution_update(request)
            except RPCError as error:
                if error.status is not RPCStatusCode.NOT_FOUND:
                    raise
                await asyncio.sleep(POLL_SECONDS)
            else:
                return

    @property
    def _order(self) -> WorkflowHandle[Any, Any]:
        return self._world.client.get_workflow_handle(f"order-{self._id}")


def is_busy(point: Point) -> bool:
    """Return whether the order's workflow runs a local activity, so that it receives nothing."""
    return point.wait is None and point.call is None and point.runs_in == "order"


def workflows_at(point: Point, order_id: str) -> tuple[str, ...]:
    """Return the workflow that is running, and the order's workflow that waits for it."""
    return tuple(dict.fromkeys(workflow_id(kind, order_id) for kind in ("order", point.runs_in)))
