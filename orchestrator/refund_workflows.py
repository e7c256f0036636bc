"""Run the workflows of the refunds that operators request."""

from __future__ import annotations

from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.ids import refund_workflow_id
from orchestrator.order_workflows import TIMEOUT
from orchestrator.saga_orchestrator import SagaOrchestrator


class TemporalRefundWorkflows:
    """Raises RPCError, or the orchestrator's errors, when Temporal does not answer."""

    def __init__(self, client: Client, orchestrator: SagaOrchestrator) -> None:
        self._client = client
        self._orchestrator = orchestrator

    async def run_refund(self, order_id: str, number: int) -> bool:
        """Run the workflow of the refund unless it runs; return whether it was started."""
        if await self._is_running(refund_workflow_id(order_id, number)):
            return False
        await self._orchestrator.run_refund(order_id, number)
        return True

    async def _is_running(self, workflow_id: str) -> bool:
        handle = self._client.get_workflow_handle(workflow_id)
        try:
            described = await handle.describe(rpc_timeout=TIMEOUT)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return described.status is WorkflowExecutionStatus.RUNNING
