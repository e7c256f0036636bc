"""What an order is of and where it goes."""

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
"""A line of text: something in it, and no control characters."""


class OrderLine(BaseModel):
    """One product, how many of it, and the price it was ordered at."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    sku: Identifier
    quantity: Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY)]
    """In pieces."""
    unit_price: MinorUnits
    """Of one piece, in the minor unit of the order's currency."""

    @property
    def total(self) -> int:
        return self.quantity * self.unit_price


class ReturnedLine(BaseModel):
    """How many pieces of one of the order's products come back."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    sku: Identifier
    quantity: Annotated[int, Field(strict=True, ge=1, le=MAX_QUANTITY)]
    """In pieces."""


class Address(BaseModel):
    """Where the parcel goes: personal data from end to end."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, use_attribute_docstrings=True
    )

    name: Text
    """Of whoever takes the parcel in."""
    street: Text
    """With the number of the house."""
    city: Text
    postal_code: Text
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
    """ISO 3166-1 alpha-2."""

    def __repr__(self) -> str:
        return "Address(…)"

    __str__ = __repr__
