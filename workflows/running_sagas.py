"""What runs in Temporal, asked from outside."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.ids import order_workflow_id
from workflows.orchestrator import SagaOrchestrator

RUNNING: Final = 'WorkflowType = "OrderWorkflow" AND ExecutionStatus = "Running"'
PATIENCE: Final = timedelta(seconds=10)


class RunningSagas:
    """Raises RPCError, or the orchestrator's errors, when Temporal gives no answer."""

    def __init__(self, client: Client, orchestrator: SagaOrchestrator) -> None:
        self._client = client
        self._orchestrator = orchestrator

    async def running(self) -> dict[str, datetime]:
        """From Temporal's index, which may be some moments behind."""
        prefix = order_workflow_id("")
        listed = self._client.list_workflows(RUNNING, page_size=1000, rpc_timeout=PATIENCE)
        return {found.id.removeprefix(prefix): found.start_time async for found in listed}

    async def is_running(self, order_id: str) -> bool:
        """From the workflow itself."""
        handle = self._client.get_workflow_handle(order_workflow_id(order_id))
        try:
            described = await handle.describe(rpc_timeout=PATIENCE)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return described.status is WorkflowExecutionStatus.RUNNING

    async def take_up(self, order_id: str, customer_id: str) -> None:
        await self._orchestrator.take_up(order_id, customer_id)
