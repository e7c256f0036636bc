"""The parts of an order's price add up, or the order is refused before anything is recorded."""

from __future__ import annotations

from typing import Any, Final

import pytest
from pydantic import ValidationError

from domain.errors import ErrorCode, Refused
from domain.money import Money
from domain.order.commands import PlaceOrder
from domain.order.lines import OrderLine
from domain.order.price import Price
from tests.support.order_parts import a_line
from tests.unit.domain.examples import PLACE

LINES: Final = (
    a_line(sku="cup", quantity=2, unit_price=450, discount=91, tax=154),
    a_line(sku="pot", quantity=1, unit_price=2_100, discount=209, tax=359),
)
PARTS: Final[dict[str, Any]] = {
    "currency": "EUR",
    "lines": 3_000,
    "discount": 300,
    "shipping": 490,
    "tax": 606,
    "shipping_tax": 93,
    "total": 3_796,
}


def placed(ordered: tuple[OrderLine, ...] = LINES, /, **changes: object) -> PlaceOrder:
    price = {**PARTS, **changes}
    return PlaceOrder.model_validate(
        PLACE.model_dump() | {"lines": ordered, "price": price, "discount_code": "WELCOME"}
    )


def refusal(ordered: tuple[OrderLine, ...] = LINES, /, **changes: object) -> Refused:
    with pytest.raises(Refused) as caught:
        placed(ordered, **changes)
    return caught.value


def test_an_order_whose_parts_add_up_is_accepted() -> None:
    order = placed()
    assert order.price == Price.of(LINES, "EUR", shipping=490, shipping_tax=93)
    assert order.total == Money(amount=3_796, currency="EUR")
    assert order.lines == LINES


@pytest.mark.parametrize("total", [0, 3_000, 3_795, 3_797])
def test_a_total_that_is_not_the_sum_of_its_parts_is_refused(total: int) -> None:
    refused = refusal(total=total)
    assert (refused.code, refused.field) == (ErrorCode.PRICE_MISMATCH, ("price", "total"))
    assert refused.message == (
        f"the price has total {total}, and its parts add up to 3796: correct the pricing"
    )


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"lines": 3_001, "total": 3_797}, "lines"),
        ({"lines": 2_999, "total": 3_795}, "lines"),
        ({"discount": 301, "total": 3_795}, "discount"),
        ({"discount": 0, "total": 4_096}, "discount"),
        ({"tax": 607, "total": 3_797}, "tax"),
        ({"tax": 513, "total": 3_703}, "tax"),
        ({"shipping_tax": 92}, "tax"),
    ],
)
def test_a_part_that_the_lines_do_not_add_up_to_is_refused(
    changes: dict[str, Any], part: str
) -> None:
    refused = refusal(**changes)
    assert (refused.code, refused.field) == (ErrorCode.PRICE_MISMATCH, ("price", part))


def test_a_discount_above_the_price_of_its_line_is_refused() -> None:
    lines = (
        a_line(sku="cup", quantity=2, unit_price=450, discount=0),
        a_line(sku="pot", quantity=1, unit_price=20, discount=21),
    )
    price = Price.of(lines, "EUR")
    refused = refusal(lines, **price.model_dump())
    assert refused.code is ErrorCode.PRICE_MISMATCH
    assert refused.field == ("lines", "1", "discount")


@pytest.mark.parametrize(
    "line",
    [
        a_line(sku="sample", quantity=1, unit_price=0),
        a_line(sku="cup", quantity=1, unit_price=450, discount=450),
    ],
)
def test_an_order_of_nothing_to_pay_needs_no_payment_method(line: OrderLine) -> None:
    price = Price.of([line], "EUR")
    order = PlaceOrder.model_validate(
        PLACE.model_dump() | {"lines": (line,), "price": price, "payment_method": None}
    )
    assert (order.total.amount, order.payment_method) == (0, None)


def test_an_order_of_something_to_pay_needs_a_payment_method() -> None:
    with pytest.raises(Refused) as caught:
        PlaceOrder.model_validate(PLACE.model_dump() | {"payment_method": None})
    refused = caught.value
    assert (refused.code, refused.field) == (
        ErrorCode.PAYMENT_METHOD_REQUIRED,
        ("input", "paymentMethod"),
    )
    assert refused.message == "the total is 3000 EUR (minor units): name a payment method"


def test_a_total_of_one_cent_is_accepted() -> None:
    lines = (a_line(sku="cup", quantity=1, unit_price=450, discount=449),)
    assert placed(lines, **Price.of(lines, "EUR").model_dump()).total.amount == 1


@pytest.mark.parametrize("part", ["lines", "discount", "shipping", "tax", "shipping_tax", "total"])
@pytest.mark.parametrize("value", [-1, 10**12 + 1, 1.5, "1", True])
def test_a_part_is_an_amount_in_minor_units(part: str, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Price.model_validate({**PARTS, part: value})
    assert [fault["loc"] for fault in caught.value.errors()] == [(part,)]


def test_prices_are_added_part_by_part() -> None:
    price = Price.model_validate(PARTS)
    nothing = Price(currency="EUR", lines=0, total=0)
    assert price + nothing == price
    assert (price + price).model_dump() == {
        name: value if name == "currency" else 2 * value for name, value in PARTS.items()
    }
