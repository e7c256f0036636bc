"""Report a repeated idempotency key in `extensions.idempotency.replayed`."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any

from strawberry.extensions import SchemaExtension

_operation: ContextVar[ReportReplays] = ContextVar("operation")


class ReportReplays(SchemaExtension):
    def __init__(self) -> None:
        super().__init__()
        self.replayed = False

    def on_operation(self) -> Iterator[None]:
        _operation.set(self)
        yield

    def get_results(self) -> dict[str, Any]:
        return {"idempotency": {"replayed": True}} if self.replayed else {}


def mark_replayed() -> None:
    """Mark the current operation as a repeat of an idempotency key."""
    _operation.get().replayed = True
