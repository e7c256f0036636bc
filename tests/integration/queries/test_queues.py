"""A queue is measured by what waits in it, and by the age of the oldest."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio import workflow
from temporalio.client import Client
from temporalio.service import RPCError

from eventbus.record import NAME
from kit.eventually import eventually
from kit.pool import Pool
from queries.queues import QueueQueries
from settings import Settings
from stack.servers import Servers
from tests.support.order_log import OrderLog

CHECKPOINT = """
    INSERT INTO eventstore.checkpoint (name, position) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position
"""


@workflow.defn
class NobodyRunsThis:
    @workflow.run
    async def run(self) -> None:
        pass


@pytest.fixture
async def client(servers: Servers) -> Client:
    return await Client.connect(servers.temporal_address)


async def test_the_relays_queue_is_what_is_above_its_checkpoint(
    engine: AsyncEngine, client: Client, log: OrderLog, pool: Pool
) -> None:
    queues = QueueQueries(engine, client, Settings(task_queue="nowhere"))
    first = await log.receive("cup", 1)
    await log.receive("cup", 1)

    (waiting,) = await queues.relay()
    assert (waiting.name, waiting.depth) == ("relay", 2)
    assert 0 < (waiting.oldest_seconds or 0) < 60
    await pool.execute(CHECKPOINT, NAME, first)
    (left,) = await queues.relay()
    assert left.depth == 1
    await pool.execute(CHECKPOINT, NAME, first + 1)
    (done,) = await queues.relay()
    assert (done.depth, done.oldest_seconds) == (0, 0.0)


async def test_the_tasks_that_no_worker_takes_are_counted_by_kind(
    engine: AsyncEngine, client: Client
) -> None:
    task_queue = f"nobody-{uuid4()}"
    queues = QueueQueries(engine, client, Settings(task_queue=task_queue))
    assert [(q.name, q.depth) for q in await queues.tasks()] == [
        *(("temporal workflow", 0), ("temporal activity", 0)),
    ]
    for _ in range(3):
        await client.start_workflow(NobodyRunsThis.run, id=str(uuid4()), task_queue=task_queue)

    async def three_wait() -> bool:
        workflows, activities = await queues.tasks()
        return (workflows.depth, activities.depth) == (3, 0)

    await eventually(three_wait)


async def test_a_queue_of_a_server_that_is_away_is_not_known(
    engine: AsyncEngine,
) -> None:
    away = await Client.connect("127.0.0.1:1", lazy=True)
    with pytest.raises((RPCError, RuntimeError)):
        await QueueQueries(engine, away, Settings()).tasks()
