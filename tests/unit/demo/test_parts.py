"""The check of the demonstration finds each part of a price that was computed wrongly."""

from __future__ import annotations

from typing import Final

from demo.parts import Parts, Sale, faults
from domain.order import events as o
from domain.order.lines import ReturnedLine
from domain.order.price import Price
from tests.support.order_parts import a_line
from tests.unit.demo.test_conservation import CREATED

LINES: Final = (
    a_line(sku="TEA", quantity=3, unit_price=500, discount=100, tax=266),
    a_line(sku="POT", quantity=1, unit_price=2_000, discount=133, tax=355),
)
PRICE: Final = Price.of(LINES, "EUR", shipping=490, shipping_tax=93)
ORDER: Final = CREATED.model_copy(update={"lines": LINES, "price": PRICE})
TEA: Final = Price(currency="EUR", lines=500, discount=33, tax=88, total=555)
ALL_BACK: Final = tuple(ReturnedLine(sku=line.sku, quantity=line.quantity) for line in LINES)


def returned(refund: Price, *, is_whole: bool = False) -> Sale:
    lines = ALL_BACK if is_whole else (ReturnedLine(sku="TEA", quantity=1),)
    back = o.OrderReturned(
        order_id="o-1", lines=lines, refund=refund, refunded=refund.money, is_whole=is_whole
    )
    return Sale(ORDER, (back,))


def changed(price: Price, **parts: int) -> Price:
    """Return a price with other parts, and the total that they make."""
    values = price.model_dump() | parts
    total = values["lines"] - values["discount"] + values["shipping"] + values["tax"]
    return Price.model_validate(values | {"total": total})


def priced(**changes: int) -> Sale:
    return Sale(ORDER.model_copy(update={"price": PRICE.model_copy(update=changes)}))


def test_a_price_and_refunds_that_add_up_have_no_fault() -> None:
    for sale in (Sale(ORDER), returned(TEA), returned(PRICE, is_whole=True)):
        assert list(faults(sale)) == []
    assert Sale(ORDER).price.minus(returned(TEA).refunded) == Parts(3_000, 200, 490, 626)


def test_a_part_that_the_lines_do_not_add_up_to_is_found() -> None:
    right = "3500 lines - 233 discount + 490 shipping + 714 tax = 4471"
    wrong = "3500 lines - 233 discount + 490 shipping + 715 tax = 4472"
    assert list(faults(priced(tax=715))) == [
        f"the price is {wrong}, and its lines add up to {right}"
    ]
    assert list(faults(priced(total=4_470))) == ["the total is 4470, and its parts add up to 4471"]


def test_a_refund_of_more_goods_than_came_back_is_found() -> None:
    refund = changed(TEA, lines=1_000)
    assert list(faults(returned(refund))) == ["500 of lines came back, 1000 refunded"]


def test_a_refund_of_more_tax_than_was_paid_is_found() -> None:
    refund = changed(TEA, tax=715)
    assert list(faults(returned(refund))) == ["tax: 715 refunded of 714"]


def test_shipping_that_was_refunded_for_a_part_of_the_goods_is_found() -> None:
    refund = changed(TEA, shipping=490)
    assert list(faults(returned(refund))) == ["490 of shipping refunded for a part of the goods"]


def test_a_whole_return_that_keeps_the_shipping_is_found() -> None:
    refund = changed(PRICE, shipping=0)
    paid = "3500 lines - 233 discount + 490 shipping + 714 tax = 4471"
    given_back = "3500 lines - 233 discount + 0 shipping + 714 tax = 3981"
    assert list(faults(returned(refund, is_whole=True))) == [
        f"all came back of {paid}, and the refund is {given_back}"
    ]
