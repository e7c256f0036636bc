"""The depth and the age of each queue: of the relay, the consumer groups and Temporal's workers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client

from eventbus import buses
from eventbus.record import NAME
from settings import Settings

MAX_DEPTH: Final = 10_000
"""A longer queue is shown as this number."""
ANSWER_TIMEOUT: Final = timedelta(seconds=1)

_RELAY: Final = text("""
    SELECT count(*) AS depth,
           coalesce(extract(epoch FROM clock_timestamp() - min(recorded_at)), 0) AS seconds
    FROM (
        SELECT recorded_at FROM eventstore.event
        WHERE position > (
            SELECT coalesce(max(position), 0) FROM eventstore.checkpoint WHERE name = :name
        )
        ORDER BY position
        LIMIT :most
    ) AS waiting
""")
TASK_QUEUES: Final = {
    "temporal workflow": TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    "temporal activity": TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
}


@dataclass(frozen=True, slots=True)
class Queue:
    name: str
    depth: int
    oldest_seconds: float | None
    """The age of what has waited the longest; 0 for none, and None if it is unknown."""


class QueueQueries:
    def __init__(self, engine: AsyncEngine, client: Client, settings: Settings) -> None:
        self._engine = engine
        self._client = client
        self._settings = settings

    async def relay(self) -> list[Queue]:
        """Return the events that the relay has not published yet."""
        given = {"name": NAME, "most": MAX_DEPTH}
        async with self._engine.connect() as connection:
            row = (await connection.execute(_RELAY, given)).one()
        return [Queue("relay", row.depth, float(row.seconds))]

    async def consumers(self) -> list[Queue]:
        """Return what waits for each consumer group of the bus. Raises BusError."""
        found = await buses.backlogs(self._settings)
        return [Queue(f"group {b.group}", b.messages, b.oldest_seconds) for b in found]

    async def tasks(self) -> list[Queue]:
        """Return the tasks that wait for a worker, as Temporal estimates them. Raises RPCError."""
        return [await self._of_type(name, kind) for name, kind in TASK_QUEUES.items()]

    async def _of_type(self, name: str, kind: TaskQueueType.ValueType) -> Queue:
        answer = await self._client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=self._client.namespace,
                task_queue=TaskQueue(name=self._settings.task_queue),
                task_queue_type=kind,
                report_stats=True,
            ),
            timeout=ANSWER_TIMEOUT,
        )
        age = answer.stats.approximate_backlog_age.ToTimedelta()
        return Queue(name, answer.stats.approximate_backlog_count, age.total_seconds())
