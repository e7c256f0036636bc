"""Declare a projection: its name and version, its tables, the events it takes, and its changes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, TypeAlias, get_args

from sqlalchemy import Table

from domain.event import Event
from domain.registry import AGGREGATES
from eventstore.envelope import StoredEvent
from projections.change import Change, Step

Apply: TypeAlias = Callable[[Any, StoredEvent], Sequence[Change]]
"""Return the changes of one event, in order. It is pure: the same event makes the same changes."""

ApplyGiven: TypeAlias = Callable[[Any, StoredEvent], Sequence[Step]]
"""The same for a following projection, whose changes may depend on rows."""


class ReadModel(Protocol):
    """The facts by which operators see and rebuild a read model."""

    @property
    def name(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def types(self) -> frozenset[str]: ...

    @property
    def checkpoint(self) -> str | None:
        """The name of its checkpoint; None when the rows change with the event."""


@dataclass(frozen=True)
class Projection:
    """A read model, in one or several tables, which the events of the log determine.

    Raise `version` when the same events give other rows; `make rebuild` then builds the tables
    anew. No two projections share a table.
    """

    name: str
    version: int
    tables: Sequence[Table]
    events: Collection[type[Event]]
    apply: ApplyGiven

    @cached_property
    def types(self) -> frozenset[str]:
        """The types of its events, by which the log finds them."""
        return frozenset(event.__name__ for event in self.events)

    @cached_property
    def categories(self) -> frozenset[str]:
        """The categories of the streams that hold these events."""
        return frozenset(category_of(event) for event in self.events)

    @property
    def checkpoint(self) -> str | None:
        return None

    def changes(self, stored: StoredEvent) -> Sequence[Step]:
        """Return the changes of an event of one of its types."""
        return self.apply(stored.decode(), stored)


@dataclass(frozen=True)
class Inline(Projection):
    """A projection whose rows change in the transaction that appends the event.

    A client reads its own write there. The rows of a stream's events are of this stream alone, so
    that a rebuild folds each stream by itself.
    """

    apply: Apply


@dataclass(frozen=True)
class Following(Projection):
    """A projection that follows the log up to the safe head, soon after the event.

    One worker leads it. A new version has tables of its own, and so both versions live beside each
    other while workers of two builds run.
    """

    @property
    def checkpoint(self) -> str:
        """The name of its checkpoint, its lock and its lead."""
        return f"projection.{self.name}.{self.version}"


def events_of(union: object) -> frozenset[type[Event]]:
    """Return the event types of a union such as OrderEvent, or of a single type."""
    return frozenset(get_args(union) or (union,))


def category_of(event: type[Event]) -> str:
    area = event.__module__.rpartition(".")[0]
    return next(a.category for a in AGGREGATES.values() if a.decide.__module__.startswith(area))
