"""Scalars that GraphQL lacks."""

from __future__ import annotations

import re
from typing import Final, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

MAX_POSITION: Final = 2**63 - 1
MAX_LONG: Final = 2**53 - 1

Position = NewType("Position", int)
Long = NewType("Long", int)


def _show_position(position: int) -> str:
    # Of one width, so that positions sort as text the way they do as numbers.
    return f"{position:016x}"


def _parse_position(value: object) -> Position:
    if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{16}", value):
        position = int(value, 16)
        if position <= MAX_POSITION:
            return Position(position)
    raise GraphQLError("Position cannot represent this value: pass one that an answer held")


def _parse_long(value: object) -> Long:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_LONG:
        return Long(value)
    raise GraphQLError("Long cannot represent this value: pass an integer of at most 53 bits")


SCALARS: Final[dict[object, ScalarDefinition]] = {
    Position: strawberry.scalar(
        name="Position",
        description=(
            "Of an event in the global log. Opaque: pass it back as it came. Of two positions, the "
            "later one is the greater text."
        ),
        serialize=_show_position,
        parse_value=_parse_position,
    ),
    Long: strawberry.scalar(
        name="Long",
        description="An integer beyond 32 bits, and within the 53 that JSON numbers keep exactly.",
        parse_value=_parse_long,
    ),
}
