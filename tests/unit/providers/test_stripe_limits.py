"""The totals that Stripe takes are checked before an order is placed."""

from __future__ import annotations

import pytest

from domain.errors import ErrorCode, Refused
from domain.money import Money
from providers.stripe_amounts import CURRENCIES
from providers.stripe_limits import MINIMUMS, StripeLimits

LIMITS = StripeLimits()


def refusal(amount: int, currency: str, limits: StripeLimits = LIMITS) -> tuple[ErrorCode, str]:
    with pytest.raises(Refused) as caught:
        limits.check(Money(amount=amount, currency=currency))
    assert caught.value.field == ("input", "lines")
    return caught.value.code, caught.value.message


def accepts(amount: int, currency: str, limits: StripeLimits = LIMITS) -> None:
    limits.check(Money(amount=amount, currency=currency))


@pytest.mark.parametrize(
    ("currency", "minimum"),
    [
        *(("USD", 50), ("EUR", 50), ("GBP", 30), ("AED", 200), ("CZK", 1_500), ("DKK", 250)),
        *(("HKD", 400), ("HUF", 17_500), ("JPY", 50), ("KRW", 50), ("MXN", 1_000), ("MYR", 200)),
        *(("NOK", 300), ("PLN", 200), ("RON", 200), ("SEK", 300), ("THB", 1_000), ("ZAR", 50)),
    ],
)
def test_the_published_minimum_is_accepted_and_one_less_is_refused(
    currency: str, minimum: int
) -> None:
    accepts(minimum, currency)
    assert refusal(minimum - 1, currency) == (
        ErrorCode.AMOUNT_TOO_SMALL,
        (
            f"the total is {minimum - 1} {currency} (minor units), and the payment provider takes "
            f"{minimum} or more: order something more"
        ),
    )


@pytest.mark.parametrize("amount", [1, 100_000])
def test_where_stripe_publishes_no_minimum_every_amount_is_accepted(amount: int) -> None:
    assert "ISK" not in MINIMUMS
    accepts(amount, "ISK")


@pytest.mark.parametrize(
    ("currency", "maximum", "step"),
    [
        ("EUR", 99_999_999, 1),
        ("JPY", 99_999_999, 1),
        ("ISK", 999_999, 1),
        ("UGX", 999_999, 1),
        ("KWD", 99_999_990, 10),
        ("MGA", 9_999_999_900, 100),
        ("INR", 999_999_999, 1),
        ("COP", 9_999_999_999, 1),
        ("IDR", 999_999_999_999, 1),
    ],
)
def test_the_largest_amount_is_accepted_and_the_next_is_refused(
    currency: str, maximum: int, step: int
) -> None:
    accepts(maximum, currency)
    assert refusal(maximum + step, currency) == (
        ErrorCode.AMOUNT_TOO_LARGE,
        (
            f"the total is {maximum + step} {currency} (minor units), and the payment provider "
            f"takes {maximum} at most: split the order"
        ),
    )


@pytest.mark.parametrize(
    ("amount", "currency", "step"),
    [(5_124, "KWD", 10), (1, "BHD", 10), (9_999, "JOD", 10), (1_001, "OMR", 10), (7, "TND", 10)],
)
def test_a_last_digit_that_is_not_0_is_refused_for_three_decimals(
    amount: int, currency: str, step: int
) -> None:
    assert refusal(amount, currency) == (
        ErrorCode.AMOUNT_NOT_REPRESENTABLE,
        (
            f"the total is {amount} {currency} (minor units), and the payment provider takes "
            f"multiples of {step} only: order other products or quantities"
        ),
    )


def test_a_fraction_of_an_ariary_is_refused() -> None:
    accepts(100_000, "MGA")
    assert refusal(100_020, "MGA")[0] is ErrorCode.AMOUNT_NOT_REPRESENTABLE


@pytest.mark.parametrize("currency", ["IQD", "LYD", "CUP", "XXX"])
def test_a_currency_that_stripe_does_not_take_is_refused(currency: str) -> None:
    assert refusal(1_000, currency) == (
        ErrorCode.CURRENCY_NOT_SUPPORTED,
        (f"the payment provider takes no payments in {currency}: use prices in another currency"),
    )


def test_a_minimum_holds_for_orders_in_a_settlement_currency_alone() -> None:
    limits = StripeLimits(settlement_currencies={"EUR"})
    accepts(1, "JPY", limits)
    assert refusal(49, "EUR", limits)[0] is ErrorCode.AMOUNT_TOO_SMALL


def test_a_setting_overrides_the_published_limits() -> None:
    limits = StripeLimits({"EUR": 500, "JPY": 0}, {"EUR": 10_000, "USD": 10**12})
    assert refusal(499, "EUR", limits)[0] is ErrorCode.AMOUNT_TOO_SMALL
    assert refusal(10_001, "EUR", limits)[0] is ErrorCode.AMOUNT_TOO_LARGE
    accepts(500, "EUR", limits)
    accepts(1, "JPY", limits)
    accepts(10**12, "USD", limits)
    assert refusal(49, "USD", limits)[0] is ErrorCode.AMOUNT_TOO_SMALL


def test_every_minimum_is_an_amount_that_stripe_takes() -> None:
    assert MINIMUMS.keys() <= CURRENCIES
    for currency, amount in MINIMUMS.items():
        accepts(amount, currency)


@pytest.mark.parametrize(("amount", "currency"), [(5_120, "KWD"), (1, "EUR"), (0, "EUR")])
def test_a_price_that_stripe_counts_is_accepted(amount: int, currency: str) -> None:
    LIMITS.check_price(Money(amount=amount, currency=currency))


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (5_125, "KWD", ErrorCode.AMOUNT_NOT_REPRESENTABLE),
        (150, "MGA", ErrorCode.AMOUNT_NOT_REPRESENTABLE),
        (100, "KPW", ErrorCode.CURRENCY_NOT_SUPPORTED),
    ],
)
def test_a_price_at_which_no_piece_could_be_paid_is_refused(
    amount: int, currency: str, code: ErrorCode
) -> None:
    with pytest.raises(Refused) as refusal:
        LIMITS.check_price(Money(amount=amount, currency=currency))
    assert (refusal.value.code, refusal.value.field) == (code, ("input", "price"))
