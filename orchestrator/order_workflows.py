"""Query Temporal about the orders' workflows from outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.types.order import PlaceInput
from domain.ids import aftercare_workflow_id, order_workflow_id
from orchestrator.saga_orchestrator import SagaOrchestrator
from workflows.stock import STOCK_RECEIVED
from workflows.types import OrderWorkflowInput

RUNNING: Final = 'WorkflowType = "OrderWorkflow" AND ExecutionStatus = "Running"'
CUT_OFF: Final = (
    'WorkflowType = "AftercareWorkflow" AND ExecutionStatus IN ("Terminated", "Failed", "TimedOut")'
)
LATELY: Final = timedelta(days=1)
"""The time after which an aftercare that was cut off is no longer looked for."""
TIMEOUT: Final = timedelta(seconds=10)


class TemporalOrderWorkflows:
    """Ask Temporal about the orders' workflows.

    Raises RPCError, or the orchestrator's errors, when Temporal does not answer.
    """

    def __init__(self, client: Client, orchestrator: SagaOrchestrator) -> None:
        self._client = client
        self._orchestrator = orchestrator

    async def running(self) -> dict[str, datetime]:
        """Read from Temporal's index, which may lag by some moments."""
        prefix = order_workflow_id("")
        listed = self._client.list_workflows(RUNNING, page_size=1000, rpc_timeout=TIMEOUT)
        return {found.id.removeprefix(prefix): found.start_time async for found in listed}

    async def is_running(self, order_id: str) -> bool:
        """Read from the workflow itself."""
        handle = self._client.get_workflow_handle(order_workflow_id(order_id))
        try:
            described = await handle.describe(rpc_timeout=TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return described.status is WorkflowExecutionStatus.RUNNING

    async def recover(self, order_id: str, customer_id: str) -> None:
        await self._orchestrator.recover(order_id, customer_id)

    async def resume_aftercare(self, order_id: str) -> None:
        await self._orchestrator.resume_aftercare(order_id)

    async def cut_off_aftercare(self, limit: int) -> list[str]:
        """Return orders whose aftercare was cut off lately and has not run since.

        It was terminated, or its history no longer replays.
        """
        since = (datetime.now(UTC) - LATELY).isoformat()
        query = f"{CUT_OFF} AND CloseTime > '{since}'"
        listed = self._client.list_workflows(query, limit=limit, rpc_timeout=TIMEOUT)
        prefix = aftercare_workflow_id("")
        order_ids = {found.id.removeprefix(prefix) async for found in listed}
        return [each for each in sorted(order_ids) if await self._is_cut_off(each)]

    async def _is_cut_off(self, order_id: str) -> bool:
        """Return whether the latest run was cut off."""
        handle = self._client.get_workflow_handle(aftercare_workflow_id(order_id))
        status = (await handle.describe(rpc_timeout=TIMEOUT)).status
        return status not in {WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.COMPLETED}

    async def notify_of_stock(self, order_id: str) -> None:
        """Notify the saga if it runs; one that is recovered looks for its stock by itself."""
        try:
            handle = self._client.get_workflow_handle(order_workflow_id(order_id))
            await handle.signal(STOCK_RECEIVED, rpc_timeout=TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise

    async def place_again(self, order_id: str) -> bool:
        place = await self._placed_by(order_workflow_id(order_id))
        if place is None:
            return False
        await self._orchestrator.place_again(place)
        return True

    async def _placed_by(self, workflow_id: str) -> PlaceInput | None:
        """Return the command of the run that placed the order, while Temporal keeps it."""
        latest = self._client.get_workflow_handle(workflow_id)
        try:
            saga = await self._started_with(latest)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise
        if saga.place is not None:
            return saga.place
        async for run in self._client.list_workflows(f'WorkflowId = "{workflow_id}"'):
            earlier = self._client.get_workflow_handle(workflow_id, run_id=run.run_id)
            if (place := (await self._started_with(earlier)).place) is not None:
                return place
        return None

    async def _started_with(self, handle: WorkflowHandle[Any, Any]) -> OrderWorkflowInput:
        first = await anext(aiter(handle.fetch_history_events(page_size=1, rpc_timeout=TIMEOUT)))
        payloads = first.workflow_execution_started_event_attributes.input.payloads
        (saga,) = await self._client.data_converter.decode(payloads, [OrderWorkflowInput])
        assert isinstance(saga, OrderWorkflowInput)  # noqa: S101 - the converter was given the type
        return saga
