"""`extensions.idempotency.replayed`: the answer to this key had been given before."""

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
    """The operation under way answers a key that it has answered before."""
    _operation.get().replayed = True
