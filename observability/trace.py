"""The trace that a piece of work belongs to, as a `traceparent` of W3C Trace Context, level 1.

It travels with the work: from the request through Temporal's headers into the activity that appends
an event. https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Final

HEADER: Final = "traceparent"

SAMPLED: Final = "01"
_NOT_SAMPLED: Final = "00"
SPAN_AT: Final = 36
"""The place of the span's id in a traceparent: behind the version and the trace's id."""
FLAGS_AT: Final = 53

_FORM: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current() -> str | None:
    return _current.get()


def enter(traceparent: str | None) -> Token[str | None]:
    """Make the work belong to this trace until `leave` is called in the same context."""
    return _current.set(traceparent)


def leave(token: Token[str | None]) -> None:
    _current.reset(token)


@contextmanager
def carrying(traceparent: str | None) -> Iterator[None]:
    """Make the work inside the block belong to this trace."""
    token = enter(traceparent)
    try:
        yield
    finally:
        leave(token)


def valid(header: str | None) -> str | None:
    """Return the caller's traceparent, or None where it named none."""
    return header if header is not None and _FORM.fullmatch(header) else None


def continued(header: str | None) -> str:
    """Return a span in the caller's trace, or in a new trace where the caller named none."""
    parent = _FORM.fullmatch(header or "")
    trace_id, flags = parent.groups() if parent else (secrets.token_hex(16), SAMPLED)
    return f"00-{trace_id}-{secrets.token_hex(8)}-{flags}"


def flagged(traceparent: str, *, is_sampled: bool) -> str:
    """Return the traceparent with a flag that says whether the trace is recorded."""
    return f"{traceparent[:FLAGS_AT]}{SAMPLED if is_sampled else _NOT_SAMPLED}"


def in_trace_of(parent: str, span_id: str) -> str:
    """Return the traceparent of this span in the trace of the parent, with its flags."""
    return f"{parent[:SPAN_AT]}{span_id}{parent[FLAGS_AT - 1 :]}"


def is_sampled(traceparent: str) -> bool:
    """Return whether the lowest bit of the flags is set."""
    return traceparent[-1] in "13579bdf"
