"""Reset a workflow as the Temporal Web UI does."""

from __future__ import annotations

from uuid import uuid4

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetWorkflowExecutionRequest
from temporalio.client import Client

TASK_COMPLETED = EventType.EVENT_TYPE_WORKFLOW_TASK_COMPLETED


async def reset(client: Client, workflow_id: str, *, task: int = 0) -> str:
    """Run the workflow again from the completion of this workflow task, counted from 0; return the
    new run.

    A negative number counts from the end.
    """
    handle = client.get_workflow_handle(workflow_id)
    described = await handle.describe()
    pinned = client.get_workflow_handle(workflow_id, run_id=described.run_id)
    history = await pinned.fetch_history()
    completed = [event.event_id for event in history.events if event.event_type == TASK_COMPLETED]
    answer = await client.workflow_service.reset_workflow_execution(
        ResetWorkflowExecutionRequest(
            namespace=client.namespace,
            workflow_execution=WorkflowExecution(workflow_id=workflow_id, run_id=described.run_id),
            reason="a test resets it",
            workflow_task_finish_event_id=completed[task],
            request_id=str(uuid4()),
        )
    )
    return answer.run_id
