"""Amounts as Stripe counts them: in units of its own, which are not always ISO 4217's.

Stripe's page https://docs.stripe.com/currencies is the table: its presentment currencies, its
zero-decimal and three-decimal currencies and its special cases. A special case wins over the lists:
UGX is on the zero-decimal list, and is sent in hundredths. HUF and TWD have a special case for
payouts only, and charges in them are ordinary hundredths.

Waybill counts in the minor units of ISO 4217. So 1,000 ISK are 1000 here and 100000 for Stripe, and
1,000 MGA are 100000 here and 1000 for Stripe: ISO 4217 gives the ariary two decimals.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from kit.currencies import decimals_of
from providers.errors import UnknownAmount
from providers.stripe_transport import PROVIDER

ZERO_DECIMAL: Final = frozenset(
    {
        *("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA"),
        *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
    }
)
"""https://docs.stripe.com/currencies#zero-decimal"""
THREE_DECIMAL: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
"""https://docs.stripe.com/currencies#three-decimal: the last digit of each amount must be 0."""
WHOLE_IN_HUNDREDTHS: Final = frozenset({"ISK", "UGX"})
"""https://docs.stripe.com/currencies#special-cases: sent in hundredths, and never a fraction."""
TWO_DECIMAL: Final = frozenset(
    {
        *("AED", "AFN", "ALL", "AMD", "ANG", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD"),
        *("BDT", "BGN", "BMD", "BND", "BOB", "BRL", "BSD", "BWP", "BYN", "BZD", "CAD", "CDF"),
        *("CHF", "CNY", "COP", "CRC", "CVE", "CZK", "DKK", "DOP", "DZD", "EGP", "ETB", "EUR"),
        *("FJD", "FKP", "GBP", "GEL", "GIP", "GMD", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF"),
        *("IDR", "ILS", "INR", "JMD", "KES", "KGS", "KHR", "KYD", "KZT", "LAK", "LBP", "LKR"),
        *("LRD", "LSL", "MAD", "MDL", "MKD", "MMK", "MNT", "MOP", "MUR", "MVR", "MWK", "MXN"),
        *("MYR", "MZN", "NAD", "NGN", "NIO", "NOK", "NPR", "NZD", "PAB", "PEN", "PGK", "PHP"),
        *("PKR", "PLN", "QAR", "RON", "RSD", "RUB", "SAR", "SBD", "SCR", "SEK", "SGD", "SHP"),
        *("SLE", "SOS", "SRD", "STD", "SZL", "THB", "TJS", "TOP", "TRY", "TTD", "TWD", "TZS"),
        *("UAH", "USD", "UYU", "UZS", "WST", "XCD", "XCG", "YER", "ZAR", "ZMW"),
    }
)
"""https://docs.stripe.com/currencies#presentment-currencies, without those of the other lists."""
CURRENCIES: Final = ZERO_DECIMAL | THREE_DECIMAL | WHOLE_IN_HUNDREDTHS | TWO_DECIMAL


class UnknownCurrency(ValueError):
    """Stripe takes no payments in this currency."""

    def __init__(self, currency: str) -> None:
        super().__init__(f"Stripe takes no payments in {currency}")
        self.currency = currency


class NotRepresentable(ValueError):
    """The amount has digits that the other side does not count.

    `multiple_of` is the smallest amount that both sides count, in the unit of the amount.
    """

    def __init__(self, amount: int, currency: str, multiple_of: int) -> None:
        super().__init__(f"{amount} {currency} is no multiple of {multiple_of}")
        self.amount = amount
        self.currency = currency
        self.multiple_of = multiple_of


@dataclass(frozen=True, slots=True)
class Unit:
    """How Stripe counts one currency. `step` of Stripe's units are `ours` of ISO 4217's.

    Every amount that Stripe takes is a multiple of `step`.
    """

    decimals: int
    step: int
    ours: int


def unit_of(currency: str) -> Unit:
    """Raise UnknownCurrency for a currency that Stripe takes no payments in."""
    if currency not in CURRENCIES:
        raise UnknownCurrency(currency)
    decimals, step = _counting(currency)
    return Unit(decimals, step, step * 10 ** decimals_of(currency) // 10**decimals)


def to_stripe(amount: int, currency: str) -> int:
    """Return an amount of ISO 4217's minor units as Stripe counts it.

    Raises UnknownCurrency and NotRepresentable.
    """
    unit = unit_of(currency)
    return _steps(amount, currency, unit.ours) * unit.step


def from_stripe(amount: int, currency: str) -> int:
    """Return an amount of Stripe's units in ISO 4217's minor units.

    Raises UnknownCurrency and NotRepresentable.
    """
    unit = unit_of(currency)
    return _steps(amount, currency, unit.step) * unit.ours


def _counting(currency: str) -> tuple[int, int]:
    """Return the decimals of Stripe's unit, and the step of its amounts."""
    if currency in WHOLE_IN_HUNDREDTHS:
        return 2, 100
    if currency in ZERO_DECIMAL:
        return 0, 1
    return (3, 10) if currency in THREE_DECIMAL else (2, 1)


def _steps(amount: int, currency: str, step: int) -> int:
    count, rest = divmod(amount, step)
    if rest:
        raise NotRepresentable(amount, currency, step)
    return count


def read_amount(amount: int, currency: str) -> int:
    """Return an amount of an answer as Waybill counts it. Raises UnknownAmount."""
    try:
        return from_stripe(amount, currency)
    except (UnknownCurrency, NotRepresentable):
        raise UnknownAmount(PROVIDER, "read", amount, currency) from None
