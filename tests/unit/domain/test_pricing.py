"""The standard pricing computes exact parts that always add up."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.errors import ErrorCode, Refused
from domain.order.lines import OrderLine
from domain.order.price import Price, check_parts
from domain.order.pricing import PricedOrder, PricingRules, StandardPricing
from tests.support.order_parts import a_line

THREE: Final = (
    a_line(sku="cup", quantity=2, unit_price=450),
    a_line(sku="pot", quantity=1, unit_price=2_105),
    a_line(sku="tin", quantity=3, unit_price=333),
)
RULES: Final = PricingRules(
    shipping_price={"EUR": 490, "JPY": 800},
    free_shipping_from={"EUR": 5_000},
    tax_percent=Decimal(19),
    discount_codes={"WELCOME": Decimal(10), "ODD": Decimal("7.5"), "ALL": Decimal(100)},
)
PERCENTS: Final = st.decimals(0, 100, places=4)


def one(unit_price: int, quantity: int = 1) -> tuple[OrderLine, ...]:
    return (a_line(sku="cup", quantity=quantity, unit_price=unit_price),)


def test_without_rules_the_total_is_the_sum_of_the_lines() -> None:
    priced = StandardPricing(PricingRules()).price(THREE, "EUR")
    assert priced.lines == THREE
    assert priced.price == Price(currency="EUR", lines=4_004, total=4_004)


def test_three_lines_share_an_odd_discount_and_each_has_its_tax() -> None:
    priced = StandardPricing(RULES).price(THREE, "EUR", "ODD")

    # 7.5 % of 4004 is 300.3. The exact shares of 300 are 67.43, 157.72 and 74.85.
    assert [line.discount for line in priced.lines] == [67, 158, 75]
    # 19 % of 833, 1947 and 924 is 158.27, 369.93 and 175.56.
    assert [line.tax for line in priced.lines] == [158, 370, 176]
    assert priced.price == Price(
        currency="EUR",
        lines=4_004,
        discount=300,
        shipping=490,
        tax=158 + 370 + 176 + 93,
        shipping_tax=93,
        total=4_991,
    )


def test_a_currency_without_minor_unit_is_priced_in_whole_units() -> None:
    priced = StandardPricing(RULES).price(one(1_055, 3), "JPY", "WELCOME")
    # 10 % of 3165 is 316.5, rounded half up to 317; 19 % of 2848 is 541.12, of 800 it is 152.
    assert priced.price == Price(
        currency="JPY",
        lines=3_165,
        discount=317,
        shipping=800,
        tax=693,
        shipping_tax=152,
        total=4_341,
    )


@pytest.mark.parametrize(
    ("cents", "code", "discount", "tax"),
    [(1, None, 0, 0), (2, None, 0, 0), (3, None, 0, 1), (5, "WELCOME", 1, 1), (4, "WELCOME", 0, 1)],
)
def test_amounts_of_a_few_cents_are_rounded_half_up(
    cents: int, code: str | None, discount: int, tax: int
) -> None:
    rules = PricingRules(tax_percent=Decimal(19), discount_codes=RULES.discount_codes)
    price = StandardPricing(rules).price(one(cents), "EUR", code).price
    assert (price.discount, price.tax) == (discount, tax)
    assert price.total == cents - discount + tax


def test_the_tax_is_rounded_for_each_line_and_not_for_the_sum() -> None:
    lines = [a_line(sku=sku, quantity=1, unit_price=3) for sku in ("a", "b", "c")]
    rules = PricingRules(tax_percent=Decimal(20))
    priced = StandardPricing(rules).price(lines, "EUR")
    assert [line.tax for line in priced.lines] == [1, 1, 1]
    assert priced.price.tax == 3, "20 % of the sum would be 2"


@pytest.mark.parametrize(
    ("cents", "code", "shipping"),
    [(4_999, None, 490), (5_000, None, 0), (5_555, "WELCOME", 490), (5_556, "WELCOME", 0)],
)
def test_the_shipping_is_free_from_an_amount_after_the_discount(
    cents: int, code: str | None, shipping: int
) -> None:
    price = StandardPricing(RULES).price(one(cents), "EUR", code).price
    assert price.shipping == shipping
    assert price.shipping_tax == (93 if shipping else 0)


def test_a_currency_that_the_rules_do_not_name_has_no_price_of_shipping() -> None:
    assert StandardPricing(RULES).price(one(450), "USD").price.shipping == 0


@pytest.mark.parametrize("code", ["", "welcome", "WELCOME ", "FRIENDS", "no code\x00", "W" * 1_000])
def test_an_unknown_discount_code_is_refused_with_its_field(code: str) -> None:
    with pytest.raises(Refused) as caught:
        StandardPricing(RULES).price(THREE, "EUR", code)
    assert caught.value.code is ErrorCode.UNKNOWN_DISCOUNT
    assert caught.value.field == ("input", "discountCode")
    assert "code:" in caught.value.message


def test_a_discount_of_everything_leaves_the_shipping() -> None:
    price = StandardPricing(RULES).price(THREE, "EUR", "ALL").price
    assert (price.discount, price.shipping, price.tax, price.total) == (4_004, 490, 93, 583)


def test_an_amount_beyond_its_limit_is_an_error() -> None:
    with pytest.raises(ValidationError):
        StandardPricing(RULES).price(one(10**12, 2), "EUR")


def test_a_pricing_whose_parts_do_not_add_up_cannot_answer() -> None:
    with pytest.raises(Refused) as caught:
        PricedOrder(THREE, Price(currency="EUR", lines=4_004, tax=1, total=4_005))
    assert (caught.value.code, caught.value.field) == (ErrorCode.PRICE_MISMATCH, ("price", "tax"))


@given(
    lines=st.lists(
        st.tuples(st.integers(1, 1_000), st.integers(0, 10**6)), min_size=1, max_size=20
    ),
    tax=PERCENTS,
    discount=PERCENTS,
    shipping=st.integers(0, 10**6),
)
def test_every_price_adds_up(
    lines: list[tuple[int, int]], tax: Decimal, discount: Decimal, shipping: int
) -> None:
    ordered = [
        a_line(sku=f"sku-{n}", quantity=quantity, unit_price=unit_price)
        for n, (quantity, unit_price) in enumerate(lines)
    ]
    rules = PricingRules({"EUR": shipping}, {}, tax, {"CODE": discount})
    priced = StandardPricing(rules).price(ordered, "EUR", "CODE")
    check_parts(priced.lines, priced.price)
    assert [line.total for line in priced.lines] == [line.total for line in ordered]
    assert priced == StandardPricing(rules).price(ordered, "EUR", "CODE"), "the function is pure"
