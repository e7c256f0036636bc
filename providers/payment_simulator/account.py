"""The simulated Stripe account: what it settles in, and the amounts that it refuses.

https://docs.stripe.com/currencies is the source of the rules, and
https://support.stripe.com/questions/deprecation-of-fractional-isk-charges-and-refunds that of the
code for fractions of ISK. Amounts here are in Stripe's units.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from pydantic import BaseModel, ConfigDict

from providers.simulation.refusal import Refusal
from providers.stripe_amounts import CURRENCIES, WHOLE_IN_HUNDREDTHS, unit_of
from providers.stripe_limits import MAX_AMOUNT, MAX_AMOUNTS, MINIMUMS

_AMOUNT: Final = "amount"


class Account(BaseModel):
    """The body of `PUT /account`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    settles_in: str | None = None
    """The currency of the bank account; None: every currency settles in itself."""
    rates: Mapping[str, Decimal] = {}
    """The price of one unit of each other currency in `settles_in`: {"JPY": "0.006"} for EUR."""
    minimums: Mapping[str, int] = MINIMUMS
    """The smallest charge by settlement currency. There is none for a currency that is missing."""

    def check_charge(self, amount: int, currency: str) -> None:
        """Raise Refusal for a charge that Stripe refuses."""
        if currency not in CURRENCIES:
            known = ", ".join(sorted(CURRENCIES)).lower()
            message = f"Invalid currency: {currency.lower()}. Stripe currently supports: {known}"
            raise Refusal(400, None, message, param="currency")
        check_digits(amount, currency)
        largest = MAX_AMOUNTS.get(currency, MAX_AMOUNT)
        if amount > largest:
            message = f"Amount must be no more than {printed(largest, currency)}"
            raise Refusal(400, "amount_too_large", message, param=_AMOUNT)
        self._check_minimum(amount, currency)

    def _check_minimum(self, amount: int, currency: str) -> None:
        settles_in = self.settles_in or currency
        minimum = self.minimums.get(settles_in, 0)
        rate = self.rates.get(currency, Decimal(1)) if settles_in != currency else Decimal(1)
        units = Decimal(amount).scaleb(unit_of(settles_in).decimals - unit_of(currency).decimals)
        settled = int(units * rate)
        if settled >= minimum:
            return
        least = printed(minimum, settles_in)
        message = f"Amount must be at least {least}"
        if settles_in != currency:
            message = (
                f"Amount must convert to at least {least}. {printed(amount, currency)} converts to "
                f"approximately {printed(settled, settles_in)}."
            )
        raise Refusal(400, "amount_too_small", message, kept=True, param=_AMOUNT)


def check_digits(amount: int, currency: str, param: str = _AMOUNT) -> None:
    """Raise Refusal for digits that Stripe does not take, of a charge, a capture or a refund."""
    if currency in WHOLE_IN_HUNDREDTHS and amount % 100:
        message = (
            f"Invalid amount. Currency {currency} has become effectively zero-decimal and charged "
            "amounts must be evenly divisible by 100."
        )
        code = "invalid_charge_amount_no_decimal_compatible"
        raise Refusal(400, code, message, param=param)
    if amount % unit_of(currency).step:
        # Stripe documents the rule, and no code.
        message = f"Invalid amount: the last digit of an amount in {currency} must be 0."
        raise Refusal(400, None, message, param=param)


def printed(amount: int, currency: str) -> str:
    """Return an amount in the currency's main unit: `25.80 EUR`."""
    return f"{Decimal(amount).scaleb(-unit_of(currency).decimals)} {currency}"
