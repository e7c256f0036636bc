"""Carry the trace of a request through Temporal's headers into the activities it leads to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from temporalio import client, worker, workflow
from temporalio.api.common.v1 import Payload
from temporalio.converter import default as default_converter

from observability import trace

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
        input.headers = _with_trace(input.headers)
        return await super().start_workflow(input)

    async def signal_workflow(self, input: client.SignalWorkflowInput) -> None:  # noqa: A002 - the SDK's name
        input.headers = _with_trace(input.headers)
        await super().signal_workflow(input)

    async def start_workflow_update(
        self,
        input: client.StartWorkflowUpdateInput,  # noqa: A002 - the SDK's name
    ) -> client.WorkflowUpdateHandle[Any]:
        input.headers = _with_trace(input.headers)
        return await super().start_workflow_update(input)

    async def start_update_with_start_workflow(
        self,
        input: client.StartWorkflowUpdateWithStartInput,  # noqa: A002 - the SDK's name
    ) -> client.WorkflowUpdateHandle[Any]:
        start, update = input.start_workflow_input, input.update_workflow_input
        start.headers = _with_trace(start.headers)
        update.headers = _with_trace(update.headers)
        return await super().start_update_with_start_workflow(input)


class _IntoActivity(worker.ActivityInboundInterceptor):
    async def execute_activity(self, input: worker.ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - the SDK's
        with trace.carrying(_trace_in(input.headers)):
            return await super().execute_activity(input)


class _IntoWorkflow(worker.WorkflowInboundInterceptor):
    """The run of a workflow belongs to the trace that started it, and an update to its own
    trace."""

    def init(self, outbound: worker.WorkflowOutboundInterceptor) -> None:
        super().init(_FromWorkflow(outbound))

    async def execute_workflow(self, input: worker.ExecuteWorkflowInput) -> Any:  # noqa: A002, ANN401 - the SDK's
        with trace.carrying(_trace_in(input.headers)):
            return await super().execute_workflow(input)

    async def handle_update_handler(self, input: worker.HandleUpdateInput) -> Any:  # noqa: A002, ANN401 - the SDK's
        with trace.carrying(_trace_in(input.headers)):
            return await super().handle_update_handler(input)


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
