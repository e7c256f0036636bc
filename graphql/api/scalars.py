"""Define the scalars that GraphQL lacks."""

from __future__ import annotations

from typing import Any, Final, NewType

import strawberry
from graphql import GraphQLError
from strawberry.types.scalar import ScalarDefinition

from eventstore.positions import BadPosition, PositionCodec

MAX_LONG: Final = 2**53 - 1

Position = NewType("Position", int)
Long = NewType("Long", int)
Json = NewType("Json", dict[str, Any])


def _parse_long(value: object) -> Long:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_LONG:
        return Long(value)
    raise GraphQLError("Long cannot represent this value: pass an integer of at most 53 bits")


def scalars(positions: PositionCodec) -> dict[object, ScalarDefinition]:
    def parse_position(value: object) -> Position:
        try:
            return Position(positions.open(value if isinstance(value, str) else ""))
        except BadPosition as error:
            raise GraphQLError(str(error)) from None

    return {
        Position: strawberry.scalar(
            name="Position",
            description="The position of an event in the global log. Opaque: return it unchanged.",
            serialize=positions.seal,
            parse_value=parse_position,
        ),
        Long: strawberry.scalar(
            name="Long",
            description=(
                "An integer of up to 53 bits, the largest size that JSON numbers keep exactly."
            ),
            parse_value=_parse_long,
        ),
        Json: strawberry.scalar(name="JSON", description="A JSON object.", serialize=dict),
    }
