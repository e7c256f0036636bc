"""The partitions of the bus, and the patterns and filters by which consumers choose events.

A pattern has the parts `<category>.<Type>`, and each may be `*`: `order.OrderCancelled`, `order.*`,
`*.OrderCancelled`, `*.*`. A type alone, such as `OrderCancelled`, is the pattern of that type.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

from domain.registry import AGGREGATES, EVENT_TYPES

PARTITIONS: Final = 16
"""One process at a time consumes a partition for a group, so this many processes can share it."""

ANY: Final = "*"
CATEGORIES: Final = frozenset(aggregate.category for aggregate in AGGREGATES.values())

FILTERED: Final = frozenset({"actor", "correlationid", "subject", "traceparent", "type"})
"""The headers that a filter may name: attributes of the CloudEvent that each message carries."""
_PATTERN: Final = re.compile(r"(?:(?P<category>[a-z]+|\*)\.)?(?P<type>[A-Za-z0-9]+|\*)")


class BadSubscription(ValueError):
    """A subscription can never match; the message says why. Nothing was subscribed."""


def partition_of(stream_id: str) -> int:
    """Return the partition that carries all events of the stream, in their order.

    The hash is CRC-32, which clients in any language have.
    """
    return zlib.crc32(stream_id.encode()) % PARTITIONS


@dataclass(frozen=True, slots=True)
class Pattern:
    category: str
    type: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Raises BadSubscription for a pattern that no event can match."""
        match = _PATTERN.fullmatch(text)
        if match is None:
            raise BadSubscription(f"{text[:80]!r} is no pattern: write <category>.<Type>, or *")
        category, event_type = match["category"] or ANY, match["type"]
        if category not in {ANY, *CATEGORIES}:
            known = ", ".join(sorted(CATEGORIES))
            raise BadSubscription(f"{category!r} is no category of events: there are {known}")
        if event_type not in {ANY, *EVENT_TYPES}:
            raise BadSubscription(f"{event_type!r} is no type of event: see docs/EVENTS.md")
        return cls(category, event_type)

    def matches(self, category: str, event_type: str) -> bool:
        return self.category in {ANY, category} and self.type in {ANY, event_type}

    def __str__(self) -> str:
        return f"{self.category}.{self.type}"


@dataclass(frozen=True, slots=True)
class Subscription:
    """The events that a consumer group takes."""

    group: str
    pattern: Pattern
    filters: Mapping[str, str]
    """The values that headers must have; an event without such a header does not match."""

    @classmethod
    def of(cls, group: str, pattern: str, filters: Mapping[str, str] | None = None) -> Self:
        """Raises BadSubscription."""
        if not _GROUP.fullmatch(group):
            raise BadSubscription(
                f"{group[:80]!r} is no name of a group: take up to 40 lower-case letters, digits"
                " and hyphens"
            )
        for name in filters or {}:
            if name not in FILTERED:
                known = ", ".join(sorted(FILTERED))
                raise BadSubscription(f"no header {name!r} can be filtered by: there are {known}")
        return cls(group, Pattern.parse(pattern), dict(filters or {}))

    def takes(self, category: str, event_type: str) -> bool:
        return self.pattern.matches(category, event_type)

    def takes_headers(self, headers: Mapping[str, str]) -> bool:
        return all(headers.get(name) == value for name, value in self.filters.items())


_GROUP: Final = re.compile(r"[a-z][a-z0-9-]{0,39}")


def is_group(name: str) -> bool:
    """Return whether the text can be the name of a consumer group."""
    return _GROUP.fullmatch(name) is not None
