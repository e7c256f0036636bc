"""Amounts between ISO 4217's minor units and what Stripe counts.

The expected values are those of https://docs.stripe.com/currencies.
"""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.currencies import decimals_of
from providers.stripe_amounts import (
    CURRENCIES,
    THREE_DECIMAL,
    TWO_DECIMAL,
    WHOLE_IN_HUNDREDTHS,
    ZERO_DECIMAL,
    NotRepresentable,
    UnknownCurrency,
    from_stripe,
    to_stripe,
    unit_of,
)

currencies: Final = st.sampled_from(sorted(CURRENCIES))


@pytest.mark.parametrize(
    ("amount", "currency", "counted"),
    [
        pytest.param(1_000, "ISK", 100_000, id="1,000 ISK"),
        pytest.param(5, "ISK", 500, id="5 ISK"),
        pytest.param(5, "UGX", 500, id="5 UGX"),
        pytest.param(100_000, "MGA", 1_000, id="1,000 MGA"),
        pytest.param(500, "JPY", 500, id="500 JPY"),
        pytest.param(1_045, "HUF", 1_045, id="10.45 HUF"),
        pytest.param(80_045, "TWD", 80_045, id="800.45 TWD"),
        pytest.param(5_120, "KWD", 5_120, id="5.120 KWD"),
        pytest.param(10, "BHD", 10, id="0.010 BHD"),
        pytest.param(1_099, "USD", 1_099, id="10.99 USD"),
        pytest.param(0, "KWD", 0, id="nothing"),
        *(
            pytest.param(7, currency, 7, id=f"7 {currency}")
            for currency in sorted(ZERO_DECIMAL - {"MGA", "UGX"})
        ),
        *(
            pytest.param(1_230, currency, 1_230, id=f"1.230 {currency}")
            for currency in sorted(THREE_DECIMAL)
        ),
    ],
)
def test_an_amount_is_sent_as_stripe_counts_it(amount: int, currency: str, counted: int) -> None:
    assert to_stripe(amount, currency) == counted
    assert from_stripe(counted, currency) == amount


@pytest.mark.parametrize(
    ("amount", "currency", "multiple_of"),
    [
        (5_124, "KWD", 10),
        *((1_001, currency, 10) for currency in sorted(THREE_DECIMAL)),
        (20, "MGA", 100),
        (100_050, "MGA", 100),
    ],
)
def test_an_amount_of_more_digits_than_stripe_takes_is_not_representable(
    amount: int, currency: str, multiple_of: int
) -> None:
    with pytest.raises(NotRepresentable) as caught:
        to_stripe(amount, currency)
    assert caught.value.multiple_of == multiple_of


@pytest.mark.parametrize(("counted", "currency"), [(1_050, "ISK"), (501, "UGX"), (5_124, "KWD")])
def test_an_answer_with_a_fraction_that_stripe_forbids_is_not_read(
    counted: int, currency: str
) -> None:
    with pytest.raises(NotRepresentable):
        from_stripe(counted, currency)


@pytest.mark.parametrize("currency", ["CLF", "CUP", "IQD", "IRR", "LYD", "UYI", "XXX", "eur"])
def test_a_currency_that_stripe_does_not_take_is_unknown(currency: str) -> None:
    with pytest.raises(UnknownCurrency):
        to_stripe(1_000, currency)
    with pytest.raises(UnknownCurrency):
        from_stripe(1_000, currency)


@given(currencies, st.integers(0, 10**12))
def test_each_representable_amount_comes_back_as_it_was_sent(currency: str, amount: int) -> None:
    amount -= amount % unit_of(currency).ours
    assert from_stripe(to_stripe(amount, currency), currency) == amount


@given(currencies, st.integers(0, 10**12))
def test_an_amount_keeps_its_value_in_the_main_unit(currency: str, amount: int) -> None:
    amount -= amount % unit_of(currency).ours
    ours, theirs = 10 ** decimals_of(currency), 10 ** unit_of(currency).decimals
    assert to_stripe(amount, currency) * ours == amount * theirs


@given(currencies, st.integers(0, 10**12))
def test_an_amount_is_sent_exactly_or_not_at_all(currency: str, amount: int) -> None:
    try:
        counted = to_stripe(amount, currency)
    except NotRepresentable:
        assert amount % unit_of(currency).ours
    else:
        assert from_stripe(counted, currency) == amount


@pytest.mark.parametrize(
    ("currency", "unit"), [("KWD", 10), ("MGA", 100), ("EUR", 1), ("ISK", 1), ("JPY", 1)]
)
def test_the_smallest_amount_that_stripe_moves(currency: str, unit: int) -> None:
    assert unit_of(currency).ours == unit


def test_the_lists_share_the_special_case_of_the_zero_decimal_list_alone() -> None:
    assert {"UGX"} == ZERO_DECIMAL & WHOLE_IN_HUNDREDTHS
    assert not TWO_DECIMAL & (ZERO_DECIMAL | THREE_DECIMAL | WHOLE_IN_HUNDREDTHS)
    assert not THREE_DECIMAL & (ZERO_DECIMAL | WHOLE_IN_HUNDREDTHS)
    assert {"HUF", "TWD"} <= TWO_DECIMAL
