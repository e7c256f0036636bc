"""Begin and end spans: the parts of a trace, each with a name, a time and a few attributes.

A span is recorded once, when it has ended. Until then it is a `traceparent` in the context
(`observability.trace`), where the next span finds its parent. Work without a trace makes no span:
only a request begins one.

An attribute names an order, a workflow, a step, a stream, an event type or a provider. It is never
text of a client, personal data or a token.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import Token
from enum import IntEnum
from random import getrandbits
from time import time_ns
from types import MappingProxyType, TracebackType
from typing import Final, Protocol

from observability import trace

Value = str | int
Attributes = Mapping[str, Value | None]
"""The attributes of a span. One that is None is left out."""

ORDER_ID: Final = "waybill.order_id"
WORKFLOW_ID: Final = "waybill.workflow_id"
STEP: Final = "waybill.step"
ATTEMPT: Final = "waybill.attempt"
STREAM: Final = "waybill.stream"
EVENT_TYPE: Final = "waybill.event_type"
PROVIDER: Final = "waybill.provider"


class Kind(IntEnum):
    """The numbers are those of OpenTelemetry's SpanKind."""

    INTERNAL = 0
    SERVER = 1
    CLIENT = 2
    PRODUCER = 3
    CONSUMER = 4


class Recorder(Protocol):
    """Choose the traces that are recorded, and take their ended spans."""

    def samples(self, parent: str) -> bool:
        """Return whether a span below this one is recorded."""

    def samples_root(self, traceparent: str) -> bool:
        """Return whether the first span of this trace is recorded."""

    def record(self, span: Span, ended: int, error: BaseException | None) -> None:
        """Take a span that ended at this time, in nanoseconds since 1970."""


class Span:
    """A part of a trace. Inside the block it is the parent of the next spans."""

    __slots__ = (
        *("attributes", "began", "is_error", "kind", "name", "parent", "traceparent"),
        *("_recorder", "_token"),
    )

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a span
        self,
        recorder: Recorder,
        name: str,
        kind: Kind,
        traceparent: str,
        parent: str | None,
        attributes: Attributes,
        began: int | None = None,
    ) -> None:
        self.name = name
        self.kind = kind
        self.traceparent = traceparent
        self.parent = parent
        self.attributes: dict[str, Value | None] = {**attributes}
        self.began = began or time_ns()
        self.is_error = False
        self._recorder = recorder
        self._token: Token[str | None]

    def __enter__(self) -> Span:
        self._token = trace.enter(self.traceparent)
        return self

    def __exit__(
        self, _: type[BaseException] | None, error: BaseException | None, __: TracebackType | None
    ) -> None:
        trace.leave(self._token)
        self._recorder.record(self, time_ns(), error)


_NO_SPAN: Final = nullcontext(None)
_recorder: Recorder | None = None


def record_with(recorder: Recorder | None) -> None:
    """Record the spans of this process from now on; with None, record none."""
    global _recorder  # noqa: PLW0603 - a process has one recorder, as it has one log
    _recorder = recorder


def is_on() -> bool:
    return _recorder is not None


def span(
    name: str, kind: Kind = Kind.INTERNAL, attributes: Attributes = MappingProxyType({})
) -> AbstractContextManager[Span | None]:
    """Begin a span below the current one. It is None where the trace is not recorded."""
    recorder, parent = _recorder, trace.current()
    if recorder is None or parent is None or not recorder.samples(parent):
        return _NO_SPAN
    return Span(recorder, name, kind, child_of(parent), parent, attributes)


@contextmanager
def request(name: str, header: str | None) -> Iterator[Span | None]:
    """Begin a trace, or continue that of the caller, with a span if it is recorded."""
    recorder, traceparent = _recorder, trace.continued(header)
    if recorder is None:
        with trace.carrying(traceparent):
            yield None
        return
    parent = trace.valid(header)
    is_sampled = recorder.samples(parent) if parent else recorder.samples_root(traceparent)
    traceparent = trace.flagged(traceparent, is_sampled=is_sampled)
    if is_sampled:
        with Span(recorder, name, Kind.SERVER, traceparent, parent, {}) as span:
            yield span
    else:
        with trace.carrying(traceparent):
            yield None


def ended(  # noqa: PLR0913 - the parts of a span
    name: str,
    kind: Kind,
    parent: str | None,
    began: int,
    attributes: Attributes,
    *,
    traceparent: str | None = None,
    error: BaseException | None = None,
) -> None:
    """Record a span that began at this time, in nanoseconds since 1970, and ends now."""
    recorder = _recorder
    if recorder is None or parent is None or not recorder.samples(parent):
        return
    own = traceparent or child_of(parent)
    recorder.record(Span(recorder, name, kind, own, parent, attributes, began), time_ns(), error)


def child_of(parent: str) -> str:
    """Return the `traceparent` of a new span that is recorded below this one."""
    own = trace.in_trace_of(parent, f"{getrandbits(64) or 1:016x}")
    return trace.flagged(own, is_sampled=True)
