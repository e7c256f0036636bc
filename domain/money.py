"""Money: an integer of minor units and a currency, never a float."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
"""An ISO 4217 alphabetic code."""

MinorUnits = Annotated[int, Field(strict=True, ge=0, le=10**12)]
"""An amount in the currency's minor unit, cents for EUR."""


class Money(BaseModel):
    """An amount of one currency."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    amount: MinorUnits
    """The amount in the currency's minor unit, cents for EUR."""
    currency: Currency
    """The alphabetic code of ISO 4217."""

    def __str__(self) -> str:
        return f"{self.amount} {self.currency} (minor units)"


NO_MONEY: Final = Money(amount=0, currency="XXX")
"""XXX is ISO 4217's code for "no currency"."""
