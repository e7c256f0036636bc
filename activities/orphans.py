"""Find a child workflow whose parent's run has ended, and terminate it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from temporalio import activity
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

TIMEOUT: Final = timedelta(seconds=5)
REASON: Final = "its parent was reset, and starts it again from the log"


async def end_orphan(workflow_id: str) -> None:
    """Terminate the child unless the calling run is its parent."""
    caller, client = activity.info(), activity.client()
    try:
        child = await client.get_workflow_handle(workflow_id).describe(rpc_timeout=TIMEOUT)
        is_ours = child.parent_id == caller.workflow_id
        if (
            child.status is WorkflowExecutionStatus.RUNNING
            and is_ours
            and child.parent_run_id != caller.workflow_run_id
        ):
            orphan = client.get_workflow_handle(workflow_id, run_id=child.run_id)
            await orphan.terminate(reason=REASON, rpc_timeout=TIMEOUT)
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:  # it has ended meanwhile
            raise
