"""The changes that an event makes to a read model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from eventstore.envelope import StoredEvent


class Change(NamedTuple):
    """A statement and its arguments."""

    sql: str
    arguments: tuple[object, ...]


Projection = Callable[[Any, StoredEvent], Sequence[Change]]
"""Return the changes of one event, in order: none, one or several."""
