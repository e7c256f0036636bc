"""The lines and the address of an order."""

from __future__ import annotations

from typing import Annotated

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)
from pydantic_core import PydanticCustomError

from domain.command import Identifier
from domain.money import MinorUnits

MAX_LINES = 100
MAX_QUANTITY = 1_000

_VISIBLE = r"[^\p{Z}\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\x{2800}]"
"""A character that leaves a mark. U+2800, a Braille pattern without dots, leaves none."""


def _described(text: str, check: ValidatorFunctionWrapHandler) -> str:
    """Say what a text lacks, where pydantic would show the pattern."""
    try:
        return str(check(text))
    except ValidationError as error:
        if error.errors()[0]["type"] != "string_pattern_mismatch":
            raise
    raise PydanticCustomError(
        "text", "the text needs a visible character, and takes no control characters"
    )


Text = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=200,
        pattern=rf"^\P{{Cc}}*{_VISIBLE}\P{{Cc}}*$",
    ),
    WrapValidator(_described),
]
"""A line of text in any script: with a visible character, and without control characters.

Only the white space around it is removed.
"""


class OrderLine(BaseModel):
    """One product, its quantity, and its name and the parts of its price as it was ordered."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    id: Identifier
    """Derived from the order's id and the line's place. It never changes."""
    sku: Identifier
    name: Text
    """The product's name when it was ordered."""
    quantity: Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY)]
    """The number of pieces."""
    unit_price: MinorUnits
    """The net price of one piece, in the minor unit of the order's currency."""
    discount: MinorUnits = 0
    """The line's share of the order's discount."""
    tax: MinorUnits = 0
    """The tax on the line after its discount."""

    @property
    def total(self) -> int:
        """The price of all pieces, before discount and tax."""
        return self.quantity * self.unit_price

    def with_parts(self, *, discount: int, tax: int, quantity: int | None = None) -> OrderLine:
        """Return this line with these parts, and with another quantity if it is given."""
        parts = {"discount": discount, "tax": tax, "quantity": quantity or self.quantity}
        return OrderLine.model_validate(dict(self) | parts)


class ReturnedLine(BaseModel):
    """The number of pieces of one of the order's products that come back."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    sku: Identifier
    quantity: Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY)]
    """The number of pieces."""


class Address(BaseModel):
    """The address of the parcel. All of it is personal data.

    `address_rules.py` checks a new address by the customs of its country.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: Text
    """The name of the recipient."""
    street: Text
    """The street with the house number."""
    city: Text
    postal_code: Text | None = None
    """Null where the country has none."""
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    """ISO 3166-1 alpha-2."""
    line2: Text | None = None
    """More of the street's line: the flat, the floor or the building."""
    region: Text | None = None
    """The state, province or prefecture."""
    company: Text | None = None
    phone: Text | None = None
    """The recipient's number for the carrier, as E.164."""

    def __repr__(self) -> str:
        return "Address(…)"

    __str__ = __repr__
