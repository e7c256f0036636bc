"""A workflow makes its spans once, under the call that started it, and a replay makes none."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError
from temporalio.worker import Replayer

from observability import trace
from observability.tracing import spans
from roles.temporal_worker import temporal_worker
from stack.servers import Servers
from temporal.sandbox import sandbox
from temporal.trace_propagation import TracePropagation
from tests.support.recording import NOT_SAMPLED, SAMPLED, TRACE_ID, Recording, recording

SOON = timedelta(seconds=10)
QUICKLY = RetryPolicy(initial_interval=timedelta(milliseconds=1))


@activity.defn
async def succeed_at_second_attempt() -> str | None:
    if activity.info().attempt == 1:
        raise ApplicationError("not yet")
    return trace.current()


@workflow.defn
class Spanned:
    @workflow.run
    async def run(self, fails: bool) -> str | None:
        carried = await workflow.execute_activity(
            succeed_at_second_attempt, start_to_close_timeout=SOON, retry_policy=QUICKLY
        )
        if fails:
            raise ApplicationError("it fails", non_retryable=True)
        return carried


@pytest.fixture
def recorded() -> Iterator[Recording]:
    with recording() as made:
        yield made


@pytest.fixture
async def traced(servers: Servers) -> AsyncIterator[Client]:
    client = await Client.connect(servers.temporal_address, interceptors=[TracePropagation()])
    async with temporal_worker(
        client,
        "spanned",
        [succeed_at_second_attempt],
        workflows=[Spanned],
        passed_through=("tests",),
    ):
        yield client


async def run(
    client: Client, traceparent: str | None, *, fails: bool = False
) -> WorkflowHandle[Spanned, str | None]:
    with trace.carrying(traceparent):
        return await client.start_workflow(
            Spanned.run, fails, id=f"order-{uuid.uuid4()}", task_queue="spanned"
        )


def span_id(span: ReadableSpan) -> int:
    found: int = span.context.span_id
    return found


async def test_a_run_is_between_the_call_that_started_it_and_its_activities(
    traced: Client, recorded: Recording
) -> None:
    handle = await run(traced, SAMPLED)
    carried = await handle.result()

    by_name = {span.name: span for span in recorded.ended()}
    started, ran = by_name["start Spanned"], by_name["Spanned"]
    last, ended = by_name["succeed_at_second_attempt"], by_name["Spanned ended"]
    assert Counter(span.name for span in recorded.ended()) == {
        "start Spanned": 1,
        "Spanned": 1,
        "succeed_at_second_attempt": 2,
        "Spanned ended": 1,
    }
    parents = [span.parent.span_id for span in (started, ran, last, ended) if span.parent]
    assert parents == [0xB7AD6B7169203331, span_id(started), span_id(ran), span_id(ran)]
    assert carried == f"00-{TRACE_ID}-{span_id(last):016x}-01"
    order_id = handle.id.removeprefix("order-")
    assert dict(last.attributes or {}) == {
        "waybill.workflow_id": handle.id,
        "waybill.order_id": order_id,
        "waybill.step": "succeed_at_second_attempt",
        "waybill.attempt": 2,
    }
    assert {
        span.attributes["waybill.order_id"] for span in recorded.ended() if span.attributes
    } == {order_id}


async def test_a_replay_makes_no_span_and_sends_the_same_parent(
    traced: Client, recorded: Recording
) -> None:
    handle = await run(traced, SAMPLED)
    await handle.result()
    before = [span_id(span) for span in recorded.ended()]

    replayer = Replayer(
        workflows=[Spanned],
        workflow_runner=sandbox("tests"),
        interceptors=[TracePropagation()],
    )
    await replayer.replay_workflow(await handle.fetch_history())

    assert [span_id(span) for span in recorded.ended()] == before


async def test_the_failure_of_a_run_is_on_its_last_span(
    traced: Client, recorded: Recording
) -> None:
    handle = await run(traced, SAMPLED, fails=True)
    with pytest.raises(WorkflowFailureError):
        await handle.result()

    failed = [span.name for span in recorded.ended() if not span.status.is_ok]
    assert failed.count("Spanned ended") == 1
    assert "Spanned" not in failed


async def test_the_headers_are_as_long_as_without_spans(
    traced: Client, recorded: Recording
) -> None:
    spans.record_with(None)
    without = await run(traced, SAMPLED)
    await without.result()
    spans.record_with(recorded.recorder)
    with_spans = await run(traced, SAMPLED)
    await with_spans.result()

    assert await headers(with_spans) == await headers(without)


async def headers(handle: WorkflowHandle[Spanned, str | None]) -> list[tuple[str, dict[str, int]]]:
    """Return the attributes of a history that have headers, with the size of each header."""
    found = []
    for event in (await handle.fetch_history()).events:
        attributes = getattr(event, event.WhichOneof("attributes") or "")
        if hasattr(attributes, "header"):
            sizes = {name: p.ByteSize() for name, p in attributes.header.fields.items()}
            found.append((type(attributes).__name__, sizes))
    assert len(found) == 2
    return found


@pytest.mark.parametrize("traceparent", [None, NOT_SAMPLED])
async def test_a_run_of_no_recorded_trace_makes_no_span(
    traced: Client, recorded: Recording, traceparent: str | None
) -> None:
    handle = await run(traced, traceparent)
    assert await handle.result() == traceparent
    assert recorded.ended() == []
