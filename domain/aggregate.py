"""Describe an aggregate as data: two pure functions are its whole behaviour."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from domain.event import Event

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class Aggregate(Generic[S]):
    """`decide(command, state) -> events` and `evolve(state, event) -> state`.

    No events mean that there is nothing left to do; a refusal is raised as `Refused`.
    """

    category: str
    initial: S
    decide: Callable[[Any, S], Sequence[Event]]
    evolve: Callable[[S, Any], S]
    snapshot_every: int | None = None
    """The number of events after which a stream gets a snapshot; None for short streams."""
    evolution: int = 1
    """Raise it when `evolve` derives another state from the same events: old snapshots become
    invalid."""

    def stream(self, aggregate_id: str) -> str:
        return f"{self.category}-{aggregate_id}"

    def fold(self, events: Iterable[Event], state: S | None = None) -> S:
        current = self.initial if state is None else state
        for event in events:
            current = self.evolve(current, event)
        return current
