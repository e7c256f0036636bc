"""Faults on demand: what `/control` sets, and what test tokens ask for."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Fault(StrEnum):
    UNAVAILABLE = "503"
    """Answered 503 at once, with no effect."""
    TIMEOUT_BEFORE = "timeout_before"
    """Hangs, then 503: no effect."""
    TIMEOUT_AFTER = "timeout_after"
    """The effect happens, then the answer hangs."""


class NextFault(BaseModel):
    model_config = ConfigDict(extra="forbid")

    operation: str
    how: Fault
    times: int = Field(1, ge=1, le=1_000_000)


class Control(BaseModel):
    """The body of `POST /control`. What is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    latency_ms: int | None = Field(None, ge=0, le=60_000)
    fail_next: NextFault | None = None


class Faults:
    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.latency_seconds = 0.0
        self._next: dict[str, NextFault] = {}

    def set(self, control: Control) -> None:
        if control.latency_ms is not None:
            self.latency_seconds = control.latency_ms / 1000
        if control.fail_next is not None:
            self._next[control.fail_next.operation] = control.fail_next

    def take(self, operation: str) -> Fault | None:
        """The fault that the next call of this operation meets, counted down."""
        fault = self._next.pop(operation, None)
        if fault is None:
            return None
        if fault.times > 1:
            self._next[operation] = fault.model_copy(update={"times": fault.times - 1})
        return fault.how
