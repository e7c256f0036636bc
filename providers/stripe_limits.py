"""The totals that Stripe takes: representable ones, not too small and not too large.

The minimum depends on the currency that the account settles in, and Stripe alone knows its exchange
rates. So the minimum is checked for orders in a settlement currency. Stripe itself refuses the
other totals that are too small.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from domain.errors import ErrorCode, Refused
from domain.money import Money
from providers.stripe_amounts import (
    NotRepresentable,
    UnknownCurrency,
    from_stripe,
    to_stripe,
    unit_of,
)

MINIMUMS: Final[Mapping[str, int]] = {
    **dict.fromkeys(("ARS", "AUD", "BRL", "CAD", "CHF", "COP", "EUR", "IDR", "ILS"), 50),
    **dict.fromkeys(("INR", "JPY", "KRW", "NZD", "PHP", "RUB", "SGD", "USD", "ZAR"), 50),
    "GBP": 30,
    "AED": 200,
    "MYR": 200,
    "PLN": 200,
    "RON": 200,
    "DKK": 250,
    "NOK": 300,
    "SEK": 300,
    "HKD": 400,
    "MXN": 1_000,
    "THB": 1_000,
    "CZK": 1_500,
    "HUF": 17_500,
}
"""The smallest charges by settlement currency, in ISO 4217's minor units.

https://docs.stripe.com/currencies#minimum-and-maximum-charge-amounts. Stripe publishes none for the
other currencies.
"""
MAX_AMOUNT: Final = 99_999_999
"""The largest charge as Stripe counts: eight digits."""
MAX_AMOUNTS: Final[Mapping[str, int]] = {
    "IDR": 999_999_999_999,
    "COP": 9_999_999_999,
    "INR": 999_999_999,
}
"""The currencies in which Stripe takes more digits. Stripe may allow more for cards: see
WAYBILL_PAYMENT_MAXIMUMS."""
_FIELD: Final = ("input", "lines")
_PRICE: Final = ("input", "price")
_AMOUNT: Final = ("input", "amount", "amount")


class StripeLimits:
    """The ChargeLimits of a Stripe account.

    `minimums` and `maximums` override the published ones, in ISO 4217's minor units. Without
    `settlement_currencies` the account settles each currency in itself.
    """

    def __init__(
        self,
        minimums: Mapping[str, int] | None = None,
        maximums: Mapping[str, int] | None = None,
        settlement_currencies: Collection[str] = (),
    ) -> None:
        self._minimums = {**MINIMUMS, **(minimums or {})}
        self._maximums = maximums or {}
        self._settlement_currencies = settlement_currencies

    def check(self, total: Money) -> None:
        """Raise Refused for a total that Stripe would not take, with the field."""
        _check_counted(total, "total", "order other products or quantities", _FIELD)
        self._check_size(total)

    def check_price(self, price: Money) -> None:
        """Raise Refused for a price that Stripe does not count. A small one may be paid with
        others."""
        _check_counted(price, "price", "set another price", _PRICE)

    def check_refund(self, amount: Money) -> None:
        """Raise Refused for an amount that Stripe does not count."""
        _check_counted(amount, "amount", "refund another amount, or name the lines", _AMOUNT)

    def _check_size(self, total: Money) -> None:
        minimum, maximum = self.minimum_of(total.currency), self.maximum_of(total.currency)
        if total.amount < minimum:
            raise Refused(
                ErrorCode.AMOUNT_TOO_SMALL,
                f"the total is {total}, and the payment provider takes {minimum} or more: order "
                "something more",
                _FIELD,
            )
        if total.amount > maximum:
            raise Refused(
                ErrorCode.AMOUNT_TOO_LARGE,
                f"the total is {total}, and the payment provider takes {maximum} at most: split "
                "the order",
                _FIELD,
            )

    def minimum_of(self, currency: str) -> int:
        """Return the smallest total; 0 where Stripe alone decides."""
        if self._settlement_currencies and currency not in self._settlement_currencies:
            return 0
        return self._minimums.get(currency, 0)

    def maximum_of(self, currency: str) -> int:
        """Return the largest total. Raises UnknownCurrency."""
        largest = MAX_AMOUNTS.get(currency, MAX_AMOUNT)
        whole = largest - largest % unit_of(currency).step
        return self._maximums.get(currency, from_stripe(whole, currency))


def _check_counted(money: Money, what: str, advice: str, field: tuple[str, ...]) -> None:
    try:
        to_stripe(money.amount, money.currency)
    except UnknownCurrency:
        raise Refused(
            ErrorCode.CURRENCY_NOT_SUPPORTED,
            f"the payment provider takes no payments in {money.currency}: use prices in another "
            "currency",
            field,
        ) from None
    except NotRepresentable as fault:
        raise Refused(
            ErrorCode.AMOUNT_NOT_REPRESENTABLE,
            f"the {what} is {money}, and the payment provider takes multiples of "
            f"{fault.multiple_of} only: {advice}",
            field,
        ) from None
