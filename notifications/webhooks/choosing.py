"""Choose the events of an endpoint by patterns such as `order.*` or `*.OrderCancelled`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final, Self

from domain.errors import ErrorCode, Refused
from domain.registry import EVENT_TYPES
from eventbus.routing import ANY, BadSubscription, Pattern
from eventstore.envelope import StoredEvent
from projections.projection import category_of

MAX_PATTERNS: Final = 100


@dataclass(frozen=True, slots=True)
class Choice:
    """The events that match one of the patterns.

    The patterns are compared with each event. So a worker of the previous build delivers an event
    of a type that it does not know to an endpoint that takes every event.
    """

    patterns: tuple[Pattern, ...]

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """Take patterns that were stored in their full form."""
        parts = (text.partition(".") for text in texts)
        return cls(tuple(Pattern(category, event_type) for category, _, event_type in parts))

    def takes(self, event: StoredEvent) -> bool:
        return any(pattern.matches(event.category, event.type) for pattern in self.patterns)

    @property
    def types(self) -> Collection[str] | None:
        """The types by which the log can be filtered; None if a pattern takes any type."""
        types = {pattern.type for pattern in self.patterns}
        return None if ANY in types else types

    @property
    def categories(self) -> Collection[str] | None:
        categories = {pattern.category for pattern in self.patterns}
        return None if ANY in categories else categories


def checked_patterns(texts: Sequence[str]) -> list[str]:
    """Return the patterns in their full form, each once. Raises Refused."""
    if not 1 <= len(texts) <= MAX_PATTERNS:
        raise _refused(f"give 1 to {MAX_PATTERNS} patterns; *.* takes every event")
    try:
        patterns = dict.fromkeys(Pattern.parse(text) for text in texts)
    except BadSubscription as fault:
        raise _refused(str(fault)) from None
    for pattern in patterns:
        if not any(_matches(pattern, name) for name in EVENT_TYPES):
            raise _refused(f"{pattern} matches no event: the type belongs to another category")
    return [str(pattern) for pattern in patterns]


def _matches(pattern: Pattern, event_type: str) -> bool:
    category = category_of(EVENT_TYPES[event_type])
    return pattern.type in {ANY, event_type} and pattern.category in {ANY, category}


def _refused(message: str) -> Refused:
    return Refused(ErrorCode.INVALID_INPUT, f"patterns: {message}", ("patterns",))
