"""Receivers of spans, and the spans as a test reads them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings

from kit.eventually import eventually
from stack.ports import LOOPBACK
from tests.support.simulators import free_port

WITHIN_SECONDS = 60


@dataclass
class Received:
    """The spans that a receiver has got."""

    endpoint: str
    protocol: str
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, str]] = field(default_factory=list)
    metadata: list[dict[str, str]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables by which a process exports to this receiver, without delay."""
        return {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_PROTOCOL": self.protocol,
            "OTEL_EXPORTER_OTLP_ENDPOINT": self.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]

    def of_order(self, order_id: str) -> list[Span]:
        """Return the spans of the traces whose root is a mutation and that name this order."""
        traces = {span.trace_id for span in self.spans if values(span).get(ORDER) == order_id}
        return [span for span in self.spans if span.trace_id in traces]

    async def holds(self, is_there: Callable[[], bool]) -> None:
        async def holds() -> bool:
            return is_there()

        await eventually(holds, WITHIN_SECONDS, 0.05)


ORDER = "waybill.order_id"


def values(span: Span) -> dict[str, str | int]:
    """Return the attributes of the span."""
    return {
        pair.key: pair.value.int_value
        if pair.value.HasField("int_value")
        else pair.value.string_value
        for pair in span.attributes
    }


def texts(span: Span) -> Iterator[str]:
    """Yield every text of the span."""
    yield span.name
    yield span.status.message
    for attribute in span.attributes:
        yield from (attribute.key, attribute.value.string_value)
    for event in span.events:
        yield event.name
        yield from (pair.value.string_value for pair in event.attributes)


def has_failed(span: Span) -> bool:
    return span.status.code == Status.STATUS_CODE_ERROR


def path(span: Span, spans: Sequence[Span]) -> list[str]:
    """Return the names of the spans above this one and of itself, from the root."""
    by_id = {each.span_id: each for each in spans}
    names = [span.name]
    while span.parent_span_id:
        span = by_id[span.parent_span_id]
        names.append(span.name)
    return names[::-1]


@asynccontextmanager
async def http_receiver() -> AsyncIterator[Received]:
    """Receive OTLP over HTTP by oteltap."""
    port = free_port()
    settings = OtelTapHttpProtobufReceiverSettings(http_port=port, listen_on_all_interfaces=False)
    received = Received(f"http://{LOOPBACK}:{port}", "http/protobuf")
    async with OtelTapHttpProtobufReceiver(settings) as receiver:

        async def collect() -> None:
            async for span in receiver.stream_traces():
                received.spans.append(span)

        collecting = asyncio.create_task(collect())
        try:
            yield received
        finally:
            collecting.cancel()
            await asyncio.wait([collecting])


class _Service(TraceServiceServicer):
    def __init__(self, received: Received) -> None:
        self._received = received

    def Export(  # noqa: N802 - the name of the protocol
        self, request: ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> ExportTraceServiceResponse:
        self._received.metadata.append({k: str(v) for k, v in context.invocation_metadata()})
        for of_process in request.resource_spans:
            pairs = of_process.resource.attributes
            self._received.resources.append({p.key: p.value.string_value for p in pairs})
            for scope in of_process.scope_spans:
                self._received.spans.extend(scope.spans)
        return ExportTraceServiceResponse()


@contextmanager
def grpc_receiver() -> Iterator[Received]:
    """Receive OTLP over gRPC by a server of grpcio."""
    server = grpc.server(ThreadPoolExecutor(2))
    port = server.add_insecure_port(f"{LOOPBACK}:0")
    received = Received(f"http://{LOOPBACK}:{port}", "grpc")
    add_TraceServiceServicer_to_server(_Service(received), server)  # type: ignore[no-untyped-call] # generated
    server.start()
    try:
        yield received
    finally:
        server.stop(None)
