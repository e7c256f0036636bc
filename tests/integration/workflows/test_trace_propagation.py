"""A request's trace reaches every activity that it leads to, through Temporal's headers."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy

from observability import trace
from roles.temporal_worker import temporal_worker
from stack.servers import Servers
from temporal.trace_propagation import TracePropagation

STARTED = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
ASKED = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
LATER = "00-1f6cd23b07d547d5a1b5e6f2a43b2c10-53995c3f42cd8ad8-01"
SOON = timedelta(seconds=10)
Carried = str | None


@activity.defn
async def carried() -> Carried:
    return trace.current()


@workflow.defn
class TracedChild:
    @workflow.run
    async def run(self) -> Carried:
        return await workflow.execute_activity(carried, start_to_close_timeout=SOON)


@workflow.defn
class Traced:
    """A workflow that reads the trace in each way, and again after the signal."""

    def __init__(self) -> None:
        self._may_end = False

    @workflow.run
    async def run(self) -> list[Carried]:
        by_activity = await workflow.execute_activity(carried, start_to_close_timeout=SOON)
        by_local = await workflow.execute_local_activity(carried, start_to_close_timeout=SOON)
        by_child = await workflow.execute_child_workflow(TracedChild.run)
        await workflow.wait_condition(lambda: self._may_end)
        afterwards = await workflow.execute_activity(carried, start_to_close_timeout=SOON)
        return [by_activity, by_local, by_child, afterwards]

    @workflow.update
    async def ask(self) -> Carried:
        return await workflow.execute_activity(carried, start_to_close_timeout=SOON)

    @workflow.signal
    def end(self) -> None:
        self._may_end = True


@pytest.fixture
async def traced(servers: Servers) -> AsyncIterator[Client]:
    """A client that propagates traces; its worker takes the interceptor from it."""
    client = await Client.connect(servers.temporal_address, interceptors=[TracePropagation()])
    workflows = [Traced, TracedChild]
    async with temporal_worker(
        client, "traced", [carried], workflows=workflows, passed_through=("tests",)
    ):
        yield client


async def start(client: Client) -> WorkflowHandle[Traced, list[Carried]]:
    return await client.start_workflow(Traced.run, id=f"traced-{uuid.uuid4()}", task_queue="traced")


async def headers(handle: WorkflowHandle[Any, Any], attributes: str) -> list[dict[str, str]]:
    """Return the headers of the events in the workflow's history that have these attributes."""
    history = await handle.fetch_history()
    found = [getattr(event, attributes) for event in history.events if event.HasField(attributes)]  # type: ignore[arg-type]  # one of its fields
    return [
        {k: v.data.decode() for k, v in bounded_gather.header.fields.items()}
        for bounded_gather in found
    ]


async def test_every_act_of_a_workflow_carries_the_trace_that_started_it(traced: Client) -> None:
    with trace.carrying(STARTED):
        handle = await start(traced)
    with trace.carrying(LATER):
        await handle.signal(Traced.end)

    assert await handle.result() == [STARTED] * 4
    signaled = await headers(handle, "workflow_execution_signaled_event_attributes")
    assert signaled == [{"traceparent": f'"{LATER}"'}]


async def test_an_update_carries_its_own_trace(traced: Client) -> None:
    with trace.carrying(STARTED):
        handle = await start(traced)
    with trace.carrying(ASKED):
        assert await handle.execute_update(Traced.ask) == ASKED
    await handle.signal(Traced.end)

    assert await handle.result() == [STARTED] * 4


async def test_an_update_that_starts_its_workflow_carries_the_trace_into_both(
    traced: Client,
) -> None:
    starting = WithStartWorkflowOperation(
        Traced.run,
        id=f"traced-{uuid.uuid4()}",
        task_queue="traced",
        id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
    )
    with trace.carrying(STARTED):
        asked = await traced.execute_update_with_start_workflow(
            Traced.ask, start_workflow_operation=starting
        )
    handle = await starting.workflow_handle()
    await handle.signal(Traced.end)

    assert asked == STARTED
    assert await handle.result() == [STARTED] * 4


async def test_a_request_without_a_trace_sends_no_header(traced: Client) -> None:
    handle = await start(traced)
    assert await handle.execute_update(Traced.ask) is None
    await handle.signal(Traced.end)

    assert await handle.result() == [None] * 4
    started = await headers(handle, "workflow_execution_started_event_attributes")
    assert started == [{}]
