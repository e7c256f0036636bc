"""The lines and the address of an order."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from domain.command import Identifier
from domain.money import MinorUnits

MAX_LINES = 100
MAX_QUANTITY = 1_000

Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^\P{Cc}*$"),
]
"""A line of text: not empty, and without control characters."""


class OrderLine(BaseModel):
    """One product, its quantity, and its name and the parts of its price as it was ordered."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )

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

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    sku: Identifier
    quantity: Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY)]
    """The number of pieces."""


class Address(BaseModel):
    """The address of the parcel. All of it is personal data."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    name: Text
    """The name of the recipient."""
    street: Text
    """The street with the house number."""
    city: Text
    postal_code: Text
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    """ISO 3166-1 alpha-2."""

    def __repr__(self) -> str:
        return "Address(…)"

    __str__ = __repr__
