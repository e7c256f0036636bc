"""Export spans by OTLP, in batches, from a thread of their own: the work never waits for it.

The spans are the SDK's, made when they have ended. The SDK's own tracer would keep each span open
with a lock, a context and limits, which takes five times as long, and would choose its ids itself.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from threading import Thread
from time import monotonic
from typing import Final, Self

from opentelemetry.sdk.resources import SERVICE_NAME, OTELResourceDetector, Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import Decision, Sampler, TraceIdRatioBased
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

from kit.faults import one_line
from observability import trace
from observability.logs import blanked
from observability.tracing.config import GRPC, TracingConfig
from observability.tracing.spans import Span

LAST_SECONDS: Final = 0.25
"""The longest time that a process which ends waits for its last spans to be sent."""
LOG_EVERY_SECONDS: Final = 60.0

_OURS: Final = frozenset(
    {
        *("activities", "api", "domain", "eventbus", "eventstore", "kit", "notifications"),
        *("orchestrator", "projections", "providers", "queries", "temporal", "workflows"),
    }
)
"""The packages whose errors hold no personal data. The message of any other may quote some."""
_SAMPLED: Final = TraceFlags(TraceFlags.SAMPLED)
_SCOPE: Final = InstrumentationScope("waybill")
_UNSET: Final = Status(StatusCode.UNSET)
_ERROR: Final = Status(StatusCode.ERROR)

logger = logging.getLogger(__name__)


class OtlpRecorder:
    """The Recorder of a process that exports its spans."""

    def __init__(
        self, sampler: Sampler, *, is_by_parent: bool, service: str, exporter: SpanExporter
    ) -> None:
        self._sampler = sampler
        self._is_by_parent = is_by_parent
        # What the environment says of the process is stronger than our name for it.
        self._resource = Resource.create({SERVICE_NAME: service}).merge(
            OTELResourceDetector().detect()
        )
        self._batches = BatchSpanProcessor(QuietExporter(exporter))

    @classmethod
    def of(cls, config: TracingConfig, service: str) -> Self:
        # The exporters log each retry of each batch: QuietExporter logs instead.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        return cls(
            TraceIdRatioBased(config.ratio),
            is_by_parent=config.is_by_parent,
            service=service,
            exporter=_exporter(config.protocol),
        )

    def samples(self, parent: str) -> bool:
        return trace.is_sampled(parent) if self._is_by_parent else self.samples_root(parent)

    def samples_root(self, traceparent: str) -> bool:
        decision = self._sampler.should_sample(None, _trace_id(traceparent), "").decision
        return decision is Decision.RECORD_AND_SAMPLE

    def record(self, span: Span, ended: int, error: BaseException | None) -> None:
        self._batches.on_end(
            ReadableSpan(
                span.name,
                _context(span.traceparent, is_remote=False),
                _context(span.parent, is_remote=True) if span.parent else None,
                self._resource,
                {name: value for name, value in span.attributes.items() if value is not None},
                () if error is None else (_event(error, ended),),
                kind=SpanKind(span.kind),
                status=_ERROR if span.is_error or isinstance(error, Exception) else _UNSET,
                start_time=span.began,
                end_time=ended,
                instrumentation_scope=_SCOPE,
            )
        )

    def flush(self) -> None:
        """Send what has ended so far."""
        self._batches.force_flush()

    def close(self) -> None:
        """Send what is left, for at most LAST_SECONDS."""
        closing = Thread(target=self._batches.shutdown, daemon=True, name="last spans")
        closing.start()
        closing.join(LAST_SECONDS)


class QuietExporter(SpanExporter):
    """Log at most one line in LOG_EVERY_SECONDS while the collector takes no spans."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._lost = 0
        self._logged: float | None = None

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result, cause = self._exporter.export(spans), "it does not take them"
        except Exception as error:  # noqa: BLE001 - of the network, of TLS, of a serialization
            result, cause = SpanExportResult.FAILURE, type(error).__name__
        if result is not SpanExportResult.SUCCESS:
            self._lost += len(spans)
            self._log(cause)
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def _log(self, cause: str) -> None:
        now = monotonic()
        if self._logged is None or now - self._logged >= LOG_EVERY_SECONDS:
            logger.warning("the collector of traces has lost %d spans: %s", self._lost, cause)
            self._lost, self._logged = 0, now


def _exporter(protocol: str) -> SpanExporter:
    """Import the exporter of this protocol alone: that of gRPC takes 20 MB."""
    if protocol == GRPC:
        from opentelemetry.exporter.otlp.proto.grpc import trace_exporter as grpc  # noqa: PLC0415

        return grpc.OTLPSpanExporter()
    from opentelemetry.exporter.otlp.proto.http import trace_exporter as http  # noqa: PLC0415

    return http.OTLPSpanExporter()


def _trace_id(traceparent: str) -> int:
    return int(traceparent[3:35], 16)


def _context(traceparent: str, *, is_remote: bool) -> SpanContext:
    span_id = int(traceparent[trace.SPAN_AT : trace.FLAGS_AT - 1], 16)
    return SpanContext(_trace_id(traceparent), span_id, is_remote, _SAMPLED)


def _event(error: BaseException, at: int) -> Event:
    """Describe an error by its type, and one of ours by its message too."""
    described = {"exception.type": type(error).__name__}
    if type(error).__module__.partition(".")[0] in _OURS:
        described["exception.message"] = blanked(one_line(error))
    return Event("exception", described, at)
