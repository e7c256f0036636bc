"""Describe what waits for a consumer group on the bus."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backlog:
    group: str
    messages: int
    """The messages that the group has not acknowledged."""
    oldest_seconds: float | None
    """The age of the first of them; 0 for none, and None if the broker does not say it."""
