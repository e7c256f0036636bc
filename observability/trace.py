"""The trace that a piece of work belongs to, as a `traceparent` of W3C Trace Context, level 1.

It travels with the work: from the request through Temporal's headers into the activity that appends
an event. https://www.w3.org/TR/trace-context/#traceparent-header
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

HEADER: Final = "traceparent"

_FORM: Final = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})")
_SAMPLED: Final = "01"
_current: ContextVar[str | None] = ContextVar("traceparent", default=None)


def current() -> str | None:
    return _current.get()


@contextmanager
def carrying(traceparent: str | None) -> Iterator[None]:
    """Make the work inside the block belong to this trace."""
    token = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(token)


def continued(header: str | None) -> str:
    """Return a span in the caller's trace, or in a new trace where the caller named none."""
    parent = _FORM.fullmatch(header or "")
    trace_id, flags = parent.groups() if parent else (secrets.token_hex(16), _SAMPLED)
    return f"00-{trace_id}-{secrets.token_hex(8)}-{flags}"
