"""The price of an order in its parts, and the check that they add up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, StringConstraints, model_validator

from domain.errors import ErrorCode, Refused
from domain.money import NO_MONEY, Currency, MinorUnits, Money
from domain.order.lines import OrderLine

DiscountCode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


class Price(BaseModel):
    """The price of an order in its parts, or the parts of it that a refund gives back.

    Every amount is in the minor unit of the currency. The prices of lines and shipping are net.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    currency: Currency
    """The alphabetic code of ISO 4217."""
    lines: MinorUnits
    """The sum of the lines, before discount and tax."""
    discount: MinorUnits = 0
    """The discount, which the total is lower by."""
    shipping: MinorUnits = 0
    """The price of the shipping, before tax."""
    tax: MinorUnits = 0
    """All tax: on the lines after their discount, and on the shipping."""
    shipping_tax: MinorUnits = 0
    """The part of the tax that is on the shipping."""
    total: MinorUnits
    """The amount to pay: lines - discount + shipping + tax."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        _require("total", self.total, self.lines - self.discount + self.shipping + self.tax)
        return self

    @classmethod
    def of(
        cls, lines: Sequence[OrderLine], currency: str, *, shipping: int = 0, shipping_tax: int = 0
    ) -> Price:
        """Add up the parts of these lines and of the shipping.

        Raises ValidationError when a sum exceeds the limit of an amount.
        """
        goods, discount = sum(line.total for line in lines), sum(line.discount for line in lines)
        tax = sum(line.tax for line in lines) + shipping_tax
        return cls(
            currency=currency,
            lines=goods,
            discount=discount,
            shipping=shipping,
            tax=tax,
            shipping_tax=shipping_tax,
            total=goods - discount + shipping + tax,
        )

    def __add__(self, other: Price) -> Price:
        """Add the parts of two prices of one currency."""
        names = type(self).model_fields.keys() - {"currency"}
        parts = {name: getattr(self, name) + getattr(other, name) for name in names}
        return Price(currency=self.currency, **parts)

    @property
    def money(self) -> Money:
        return Money(amount=self.total, currency=self.currency)


def check_parts(lines: Sequence[OrderLine], price: Price) -> None:
    """Raise Refused unless each part of the price is the sum of the lines and the shipping."""
    for index, line in enumerate(lines):
        if line.discount > line.total:
            raise Refused(
                ErrorCode.PRICE_MISMATCH,
                f"{line.sku}: the discount of {line.discount} exceeds the price of {line.total}",
                ("lines", str(index), "discount"),
            )
    _require("lines", price.lines, sum(line.total for line in lines))
    _require("discount", price.discount, sum(line.discount for line in lines))
    _require("tax", price.tax, sum(line.tax for line in lines) + price.shipping_tax)


def check_payment_method(price: Price, method: str | None) -> None:
    """Raise Refused when there is something to pay, and no method to pay it with."""
    if price.total and method is None:
        raise Refused(
            ErrorCode.PAYMENT_METHOD_REQUIRED,
            f"the total is {price.money}: name a payment method",
            ("input", "paymentMethod"),
        )


def _require(part: str, stated: int, added_up: int) -> None:
    if stated != added_up:
        raise Refused(
            ErrorCode.PRICE_MISMATCH,
            f"the price has {part} {stated}, and its parts add up to {added_up}:"
            " correct the pricing",
            ("price", part),
        )


NO_PRICE: Final = Price(currency=NO_MONEY.currency, lines=0, total=0)
