"""Carry the trace of a request through Temporal's headers into the activities it leads to.

A call of the client and an activity make a span each. A run of a workflow makes one when it starts,
above its activities, and one when it ends, which is as long as the run. A replay makes none: the id
of the first span is derived from the run, so that every worker and every replay sends the same one
to the activities. See docs/decisions/0033-tracing.md.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

from temporalio import activity, client, worker, workflow
from temporalio.api.common.v1 import Payload
from temporalio.converter import default as default_converter

from domain.ids import order_of_workflow
from observability import trace
from observability.tracing import spans
from observability.tracing.spans import ATTEMPT, ORDER_ID, STEP, WORKFLOW_ID, Attributes, Kind, Span

ENDED: Final = " ended"
"""The name of a run's last span has this after the type of the workflow."""

Headers = Mapping[str, Payload]

_CONVERTER: Final = default_converter().payload_converter


def _with_trace(headers: Headers) -> Headers:
    traceparent = trace.current()
    if traceparent is None:
        return headers
    return {**headers, trace.HEADER: _CONVERTER.to_payload(traceparent)}


def _trace_in(headers: Headers) -> str | None:
    payload = headers.get(trace.HEADER)
    return None if payload is None else _CONVERTER.from_payload(payload, str)


def _of(workflow_id: str) -> Attributes:
    return {WORKFLOW_ID: workflow_id, ORDER_ID: order_of_workflow(workflow_id)}


def _calling(what: str, workflow_id: str) -> AbstractContextManager[Span | None]:
    return spans.span(what, Kind.CLIENT, _of(workflow_id))


class TracePropagation(client.Interceptor, worker.Interceptor):
    """Register it with the client; a worker takes it over from its client."""

    def intercept_client(self, next: client.OutboundInterceptor) -> client.OutboundInterceptor:  # noqa: A002 - the SDK's name
        return _FromClient(next)

    def intercept_activity(
        self,
        next: worker.ActivityInboundInterceptor,  # noqa: A002 - the SDK's name
    ) -> worker.ActivityInboundInterceptor:
        return _IntoActivity(next)

    def workflow_interceptor_class(
        self,
        input: worker.WorkflowInterceptorClassInput,  # noqa: A002 - the SDK's name
    ) -> type[worker.WorkflowInboundInterceptor]:
        del input
        return _IntoWorkflow


class _FromClient(client.OutboundInterceptor):
    async def start_workflow(
        self,
        input: client.StartWorkflowInput,  # noqa: A002 - the SDK's name
    ) -> client.WorkflowHandle[Any, Any]:
        with _calling(f"start {input.workflow}", input.id):
            input.headers = _with_trace(input.headers)
            return await super().start_workflow(input)

    async def signal_workflow(self, input: client.SignalWorkflowInput) -> None:  # noqa: A002 - the SDK's name
        with _calling(f"signal {input.signal}", input.id):
            input.headers = _with_trace(input.headers)
            await super().signal_workflow(input)

    async def start_workflow_update(
        self,
        input: client.StartWorkflowUpdateInput,  # noqa: A002 - the SDK's name
    ) -> client.WorkflowUpdateHandle[Any]:
        with _calling(f"update {input.update}", input.id):
            input.headers = _with_trace(input.headers)
            return await super().start_workflow_update(input)

    async def start_update_with_start_workflow(
        self,
        input: client.StartWorkflowUpdateWithStartInput,  # noqa: A002 - the SDK's name
    ) -> client.WorkflowUpdateHandle[Any]:
        start, update = input.start_workflow_input, input.update_workflow_input
        with _calling(f"start {start.workflow}", start.id):
            start.headers = _with_trace(start.headers)
            update.headers = _with_trace(update.headers)
            return await super().start_update_with_start_workflow(input)


class _IntoActivity(worker.ActivityInboundInterceptor):
    async def execute_activity(self, input: worker.ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - the SDK's
        info = activity.info()
        with trace.carrying(_trace_in(input.headers)), spans.span(info.activity_type) as span:
            if span is not None:
                span.attributes |= _of(info.workflow_id or "")
                span.attributes[STEP] = info.activity_type
                span.attributes[ATTEMPT] = info.attempt
            return await super().execute_activity(input)


class _IntoWorkflow(worker.WorkflowInboundInterceptor):
    """The run of a workflow belongs to the trace that started it, and an update to its own
    trace."""

    def init(self, outbound: worker.WorkflowOutboundInterceptor) -> None:
        super().init(_FromWorkflow(outbound))

    async def execute_workflow(self, input: worker.ExecuteWorkflowInput) -> Any:  # noqa: A002, ANN401 - the SDK's
        parent = _trace_in(input.headers)
        own = _of_run(parent)
        if own == parent:
            with trace.carrying(parent):
                return await super().execute_workflow(input)
        _record_run("", parent, own, None)
        with trace.carrying(own):
            try:
                result = await super().execute_workflow(input)
            except Exception as error:
                if workflow.is_failure_exception(error):
                    _record_run(ENDED, own, None, error)
                raise
        _record_run(ENDED, own, None, None)
        return result

    async def handle_update_handler(self, input: worker.HandleUpdateInput) -> Any:  # noqa: A002, ANN401 - the SDK's
        with trace.carrying(_trace_in(input.headers)):
            return await super().handle_update_handler(input)


def _of_run(parent: str | None) -> str | None:
    """Return the traceparent of the span of this run, which is the same in every replay."""
    if parent is None or not spans.is_on() or not trace.is_sampled(parent):
        return parent
    run_id = workflow.info().run_id
    span_id = hashlib.blake2b(run_id.encode(), digest_size=8).hexdigest()
    return trace.in_trace_of(parent, span_id)


def _record_run(suffix: str, parent: str | None, own: str | None, error: Exception | None) -> None:
    """Record a span from the start of this run until now, unless this is a replay."""
    if workflow.unsafe.is_replaying():
        return
    info = workflow.info()
    spans.ended(
        info.workflow_type + suffix,
        Kind.SERVER,
        parent,
        int(info.workflow_start_time.timestamp() * 1e9),
        _of(info.workflow_id),
        traceparent=own,
        error=error,
    )


class _FromWorkflow(worker.WorkflowOutboundInterceptor):
    def start_activity(self, input: worker.StartActivityInput) -> workflow.ActivityHandle[Any]:  # noqa: A002 - the SDK's name
        input.headers = _with_trace(input.headers)
        return super().start_activity(input)

    def start_local_activity(
        self,
        input: worker.StartLocalActivityInput,  # noqa: A002 - the SDK's name
    ) -> workflow.ActivityHandle[Any]:
        input.headers = _with_trace(input.headers)
        return super().start_local_activity(input)

    async def start_child_workflow(
        self,
        input: worker.StartChildWorkflowInput,  # noqa: A002 - the SDK's name
    ) -> workflow.ChildWorkflowHandle[Any, Any]:
        input.headers = _with_trace(input.headers)
        return await super().start_child_workflow(input)
