"""Leave the task queue before a worker stops, so that no task is lost on its way to it.

The SDK drops a task that arrives while the worker stops. Temporal offers it again after its
timeout only: 10 s for a step of a workflow. So Temporal is asked to end the open polls of this
worker and to forget its sticky queue. The worker still handles what was on its way, and stops then.

Temporal's setting `frontend.enableCancelWorkerPollsOnShutdown` has to be on.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import TaskQueueKind, TaskQueueType
from temporalio.api.workflowservice.v1 import (
    GetWorkflowExecutionHistoryReverseRequest,
    ListWorkersRequest,
    ShutdownWorkerRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError

from kit.faults import one_line

HEARTBEAT: Final = timedelta(seconds=5)
"""How often the SDK reports each worker to Temporal. Without a report, no poll is ended."""
TIMEOUT: Final = timedelta(seconds=0.4)
ON_THEIR_WAY_SECONDS: Final = 0.1
"""The time in which a task arrives that Temporal gave to a poll before it ended."""
MAX_RECENT: Final = 8
EVENTS_TO_SEARCH: Final = 60
_POLLS: Final = (
    TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
)

logger = logging.getLogger(__name__)

Run = tuple[str, str]
"""The ids of a workflow and of its run."""


class RecentRuns:
    """The runs that this worker has begun to handle last."""

    def __init__(self) -> None:
        self._runs: deque[Run] = deque(maxlen=MAX_RECENT)

    def add(self, workflow_id: str, run_id: str) -> None:
        self._runs.appendleft((workflow_id, run_id))

    def __iter__(self) -> Iterator[Run]:
        return iter(tuple(self._runs))


async def leave(client: Client, task_queue: str, recent: Iterable[Run]) -> None:
    """Return when no further task is on its way to this worker, or soon if Temporal is away."""
    try:
        async with asyncio.timeout(TIMEOUT.total_seconds()):
            await _end_polls(client, task_queue, recent)
    except (RPCError, TimeoutError) as error:
        logger.info("Temporal may not have ended each poll of this worker: %s", one_line(error))
    await asyncio.sleep(ON_THEIR_WAY_SECONDS)


async def _end_polls(client: Client, task_queue: str, recent: Iterable[Run]) -> None:
    await client.workflow_service.shutdown_worker(
        ShutdownWorkerRequest(
            namespace=client.namespace,
            identity=client.identity,
            worker_instance_key=await _instance_key(client, task_queue),
            task_queue=task_queue,
            task_queue_types=_POLLS,
            sticky_task_queue=await _sticky_queue(client, recent),
            reason="the worker is about to stop",
        )
    )


async def _instance_key(client: Client, task_queue: str) -> str:
    """Return the key by which Temporal knows the polls of this worker; empty before its report."""
    listed = await client.workflow_service.list_workers(
        ListWorkersRequest(
            namespace=client.namespace, query=f"WorkerIdentity = '{client.identity}'"
        )
    )
    keys = [
        worker.worker_instance_key for worker in listed.workers if worker.task_queue == task_queue
    ]
    return keys[0] if keys else ""


async def _sticky_queue(client: Client, recent: Iterable[Run]) -> str:
    """Return the queue of the workflows in this worker's cache, whose name only histories tell."""
    for workflow_id, run_id in recent:
        page = await client.workflow_service.get_workflow_execution_history_reverse(
            GetWorkflowExecutionHistoryReverseRequest(
                namespace=client.namespace,
                execution=WorkflowExecution(workflow_id=workflow_id, run_id=run_id),
                maximum_page_size=EVENTS_TO_SEARCH,
            )
        )
        for event in page.history.events:
            queue = event.workflow_task_scheduled_event_attributes.task_queue
            is_sticky = queue.kind == TaskQueueKind.TASK_QUEUE_KIND_STICKY
            if is_sticky and queue.name.startswith(client.identity):
                return queue.name
    return ""
