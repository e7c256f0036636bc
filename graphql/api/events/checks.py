"""Check the arguments of a search in the log, before anything is read."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

from api.errors import bad_input
from domain.identifiers import is_identifier
from domain.registry import AGGREGATES, EVENT_TYPES

CATEGORIES: Final = sorted({aggregate.category for aggregate in AGGREGATES.values()})


def check_stream(stream: str | None) -> None:
    """Raise BAD_USER_INPUT for a text that can be the name of no stream."""
    if stream is None:
        return
    category, _, aggregate_id = stream.partition("-")
    if category not in CATEGORIES or not is_identifier(aggregate_id):
        names = ", ".join(CATEGORIES)
        raise bad_input(f"stream: pass a category, a dash and an id; the categories are {names}")


def check_types(types: Collection[str] | None) -> None:
    """Raise BAD_USER_INPUT for an empty list, and for a type that no event has."""
    if types is None:
        return
    if not types:
        raise bad_input("types: name at least one type, or leave it out")
    for unknown in (each for each in types if each not in EVENT_TYPES):
        similar = get_close_matches(unknown, EVENT_TYPES, cutoff=0.5)
        known = f"similar types are {', '.join(similar)}" if similar else "see docs/EVENTS.md"
        raise bad_input(f"types: there is no event type {unknown[:80]!r}; {known}")
