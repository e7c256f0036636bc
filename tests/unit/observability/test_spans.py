"""A span is recorded when it has ended, below the current one, and only in a sampled trace."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from threading import Event

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import SpanKind, StatusCode, format_span_id, format_trace_id

from domain.errors import ErrorCode, Refused
from observability import trace
from observability.tracing import spans
from observability.tracing.export import LAST_SECONDS, OtlpRecorder, QuietExporter
from observability.tracing.spans import Kind
from tests.support.recording import NOT_SAMPLED, SAMPLED, TRACE_ID, recording


def ids(span: ReadableSpan) -> tuple[str, str, str | None]:
    context = span.context
    parent = None if span.parent is None else format_span_id(span.parent.span_id)
    return format_trace_id(context.trace_id), format_span_id(context.span_id), parent


def test_a_request_and_its_spans_form_one_trace_below_the_caller() -> None:
    with recording() as made:
        with spans.request("POST", SAMPLED) as request:
            assert request is not None
            inside = trace.current()
            with spans.span(
                "step", Kind.CLIENT, {"waybill.step": "reserve", "waybill.stream": None}
            ):
                deepest = trace.current()
            assert trace.current() == inside
        assert trace.current() is None

        inner, outer = made.ended()
        assert inside == f"00-{TRACE_ID}-{ids(outer)[1]}-01"
        assert deepest == f"00-{TRACE_ID}-{ids(inner)[1]}-01"
        assert ids(outer) == (TRACE_ID, ids(outer)[1], "b7ad6b7169203331")
        assert ids(inner) == (TRACE_ID, ids(inner)[1], ids(outer)[1])
        assert (outer.name, outer.kind) == ("POST", SpanKind.SERVER)
        assert (inner.name, inner.kind) == ("step", SpanKind.CLIENT)
        assert dict(inner.attributes or {}) == {"waybill.step": "reserve"}
        assert inner.resource.attributes["service.name"] == "waybill-test"


def test_a_request_without_a_caller_is_the_root_of_its_trace() -> None:
    with recording() as made:
        with spans.request("POST", "no traceparent") as request:
            assert request is not None
        (root,) = made.ended()
        assert root.parent is None


def test_work_without_a_trace_makes_no_span() -> None:
    with recording() as made:
        with spans.span("of a schedule") as span:
            assert span is None
            assert trace.current() is None
        spans.ended("of a schedule", Kind.CLIENT, None, 1, {})
        assert made.ended() == []


def test_a_trace_that_its_caller_does_not_record_makes_no_span_and_is_passed_on() -> None:
    with recording() as made:
        with spans.request("POST", NOT_SAMPLED) as request:
            assert request is None
            carried = trace.current() or ""
            with spans.span("step") as span:
                assert span is None
                assert trace.current() == carried
            spans.ended("publish", Kind.PRODUCER, carried, 1, {})
        assert (carried[3:35], carried[-2:]) == (TRACE_ID, "00")
        assert made.ended() == []


def test_a_ratio_decides_for_new_traces_and_the_parent_for_all_others() -> None:
    with recording(0.0) as made:
        with spans.request("POST", None) as request:
            assert request is None
            assert (trace.current() or "").endswith("-00")
        with spans.request("POST", SAMPLED) as request:
            assert request is not None
        assert [span.name for span in made.ended()] == ["POST"]


def test_a_sampler_without_parents_asks_for_each_trace_anew() -> None:
    with recording(1.0, is_by_parent=False) as made:
        with spans.request("POST", NOT_SAMPLED) as request:
            assert request is not None
            assert (trace.current() or "").endswith("-01")
        assert len(made.ended()) == 1


def test_off_a_request_carries_a_trace_as_before() -> None:
    with spans.request("POST", SAMPLED) as request:
        assert request is None
        carried = trace.current() or ""
        with spans.span("step") as span:
            assert span is None
    assert (carried[:36], carried[-3:]) == (SAMPLED[:36], "-01")
    assert carried != SAMPLED


class Quoting(Exception):
    """An error of a library, which may quote what it was given."""


def test_an_error_of_ours_is_shown_without_secrets_and_of_others_by_its_type() -> None:
    with recording() as made:
        ours = Refused(ErrorCode.INVALID_INPUT, "ada@example.org with sk_test_123")
        for error in (ours, Quoting("1 Main Street")):
            with (
                pytest.raises(type(error)),
                trace.carrying(SAMPLED),
                spans.span("step"),
            ):
                raise error

        first, second = made.ended()
        assert [span.status.status_code for span in (first, second)] == [StatusCode.ERROR] * 2
        assert dict(first.events[0].attributes or {}) == {
            "exception.type": "Refused",
            "exception.message": "Refused: [address] with [secret]",
        }
        assert dict(second.events[0].attributes or {}) == {"exception.type": "Quoting"}
        assert [span.status.description for span in (first, second)] == [None, None]


class Failing(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        del spans
        return SpanExportResult.FAILURE


class Raising(SpanExporter):
    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        raise ConnectionError(f"no connection for {len(spans)} spans to http://user:secret@host")


class Hanging(SpanExporter):
    def __init__(self) -> None:
        self.may_end = Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        del spans
        self.may_end.wait()
        return SpanExportResult.FAILURE


@pytest.mark.parametrize(
    ("exporter", "cause"),
    [(Failing(), "it does not take them"), (Raising(), "ConnectionError")],
)
def test_a_collector_that_takes_nothing_is_logged_once_a_minute(
    exporter: SpanExporter, cause: str, caplog: pytest.LogCaptureFixture
) -> None:
    quiet, batch = QuietExporter(exporter), [ReadableSpan("step")] * 3
    with caplog.at_level(logging.DEBUG):
        results = [quiet.export(batch) for _ in range(100)]

    assert results == [SpanExportResult.FAILURE] * 100
    assert caplog.messages == [f"the collector of traces has lost 3 spans: {cause}"]


def test_a_minute_later_the_lost_spans_are_counted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    quiet, batch, now = QuietExporter(Failing()), [ReadableSpan("step")], [0.0]
    monkeypatch.setattr("observability.tracing.export.monotonic", lambda: now[0])
    for now[0] in (0.0, 59.0, 60.0):
        quiet.export(batch)
    assert [message.split()[6] for message in caplog.messages] == ["1", "2"]


def test_a_collector_that_hangs_delays_neither_the_work_nor_the_end() -> None:
    hanging = Hanging()
    recorder = OtlpRecorder(
        TraceIdRatioBased(1.0), is_by_parent=True, service="test", exporter=hanging
    )
    spans.record_with(recorder)
    began = time.monotonic()
    with trace.carrying(SAMPLED):
        for _ in range(10_000):  # more than the queue of the batches holds
            with spans.span("step"):
                pass
    spans.record_with(None)
    worked = time.monotonic() - began
    recorder.close()
    closed = time.monotonic() - began - worked
    hanging.may_end.set()

    assert worked < 5
    assert closed < LAST_SECONDS + 1
