from __future__ import annotations

from typing import NamedTuple


class Change(NamedTuple):
    """What one event does to a read model: a statement and its arguments."""

    sql: str
    arguments: tuple[object, ...]
