"""Record the spans of the test's own process, by the real recorder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased

from observability.tracing import spans
from observability.tracing.export import OtlpRecorder

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = f"00-{TRACE_ID}-b7ad6b7169203331-01"
NOT_SAMPLED = f"00-{TRACE_ID}-b7ad6b7169203331-00"


class Recording:
    def __init__(self, ratio: float, *, is_by_parent: bool) -> None:
        self._exporter = InMemorySpanExporter()
        self.recorder = OtlpRecorder(
            TraceIdRatioBased(ratio),
            is_by_parent=is_by_parent,
            service="waybill-test",
            exporter=self._exporter,
        )

    def ended(self) -> list[ReadableSpan]:
        """Return the spans that have ended, in the order of their ends."""
        self.recorder.flush()
        return sorted(self._exporter.get_finished_spans(), key=lambda span: span.end_time or 0)


@contextmanager
def recording(ratio: float = 1.0, *, is_by_parent: bool = True) -> Iterator[Recording]:
    made = Recording(ratio, is_by_parent=is_by_parent)
    spans.record_with(made.recorder)
    try:
        yield made
    finally:
        spans.record_with(None)
        made.recorder.close()
