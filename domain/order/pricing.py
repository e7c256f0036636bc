"""Compute the price of an order from the catalogue's prices and the shop's rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Final, Protocol

from pydantic import Field

from domain.errors import ErrorCode, Refused
from domain.money import Currency
from domain.order.lines import OrderLine
from domain.order.price import DiscountCode, Price, check_parts
from domain.shares import percent_of, spread

Percent = Annotated[Decimal, Field(ge=0, le=100, decimal_places=4)]

NOTHING: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class PricedOrder:
    """The lines with their shares of discount and tax, and the price that they add up to.

    Raises Refused when they do not.
    """

    lines: tuple[OrderLine, ...]
    price: Price

    def __post_init__(self) -> None:
        check_parts(self.lines, self.price)


class Pricing(Protocol):
    """Computes prices as a pure function: the same input has the same price in every process."""

    def price(
        self, lines: Sequence[OrderLine], currency: Currency, discount_code: str | None = None
    ) -> PricedOrder:
        """Return the lines and the price of an order.

        The lines have the catalogue's net prices, in one currency, and no discount or tax yet.
        Raises Refused for a discount code that is not granted, and ValidationError when an amount
        exceeds its limit.
        """
        ...


@dataclass(frozen=True, slots=True)
class PricingRules:
    """The shop's rules. Amounts are in the minor unit of their currency."""

    shipping_price: Mapping[Currency, int] = field(default_factory=dict)
    """The net price of the shipping of any order. It is 0 in a currency that is not named."""
    free_shipping_from: Mapping[Currency, int] = field(default_factory=dict)
    """The net price of the goods, after the discount, from which the shipping is free."""
    tax_percent: Percent = NOTHING
    """The rate of tax on every line and on the shipping."""
    discount_codes: Mapping[DiscountCode, Percent] = field(default_factory=dict)
    """The percentage by which each code reduces the price of the lines."""


class StandardPricing:
    """Prices an order by flat rules.

    The discount is a percentage of the sum of the lines, rounded once and spread over the lines in
    proportion to their prices. The tax is computed for each line after its discount, and for the
    shipping, each rounded on its own. `percent_of` and `spread` state the rounding.
    """

    def __init__(self, rules: PricingRules) -> None:
        self._rules = rules

    def price(
        self, lines: Sequence[OrderLine], currency: Currency, discount_code: str | None = None
    ) -> PricedOrder:
        prices = [line.total for line in lines]
        discount = percent_of(sum(prices), self._percent(discount_code))
        priced = tuple(
            line.with_parts(discount=share, tax=self._tax(line.total - share))
            for line, share in zip(lines, spread(discount, prices), strict=True)
        )
        shipping = self._shipping(sum(prices) - discount, currency)
        shipping_tax = self._tax(shipping)
        price = Price.of(priced, currency, shipping=shipping, shipping_tax=shipping_tax)
        return PricedOrder(priced, price)

    def _percent(self, discount_code: str | None) -> Decimal:
        if discount_code is None:
            return NOTHING
        if discount_code not in self._rules.discount_codes:
            raise Refused(
                ErrorCode.UNKNOWN_DISCOUNT,
                "there is no such discount code: check it, or order without it",
                ("input", "discountCode"),
            )
        return self._rules.discount_codes[discount_code]

    def _tax(self, net: int) -> int:
        return percent_of(net, self._rules.tax_percent)

    def _shipping(self, net: int, currency: Currency) -> int:
        free_from = self._rules.free_shipping_from.get(currency)
        if free_from is not None and net >= free_from:
            return 0
        return self._rules.shipping_price.get(currency, 0)
