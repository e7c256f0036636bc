"""Delete the completed runs of a schedule, so that Temporal's list of workflows shows orders.

docs/decisions/0017-scheduled-runs.md says why they are deleted.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import DeleteWorkflowExecutionRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

logger = logging.getLogger(__name__)

KEPT_FOR: Final = timedelta(minutes=1)
"""The newest runs stay for a person who wants to see what they do."""
MAX_DELETED: Final = 100
"""In one round; the next round deletes more."""
TIMEOUT: Final = timedelta(seconds=10)

_PASSED_OVER: Final = {
    RPCStatusCode.NOT_FOUND,  # another worker was quicker
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.UNIMPLEMENTED,
}


async def delete_completed_runs(client: Client, schedule_id: str) -> None:
    """Delete what has succeeded. A run that failed, timed out or was terminated stays.

    Where workers may not delete, as some services decide, nothing happens.
    """
    before = (datetime.now(UTC) - KEPT_FOR).isoformat(timespec="seconds")
    runs = client.list_workflows(
        f"TemporalScheduledById = '{schedule_id}' AND ExecutionStatus = 'Completed' "
        f"AND CloseTime < '{before}'",
        limit=MAX_DELETED,
        rpc_timeout=TIMEOUT,
    )
    async for run in runs:
        await _delete(client, WorkflowExecution(workflow_id=run.id, run_id=run.run_id))


async def _delete(client: Client, run: WorkflowExecution) -> None:
    request = DeleteWorkflowExecutionRequest(namespace=client.namespace, workflow_execution=run)
    try:
        await client.workflow_service.delete_workflow_execution(request, timeout=TIMEOUT)
    except RPCError as error:
        if error.status not in _PASSED_OVER:
            raise
        logger.debug("%s was not deleted: %s", run.workflow_id, error)
