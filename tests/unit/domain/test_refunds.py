"""However the goods come back, exactly what was paid for them is refunded, and never more."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.order.price import Price
from domain.order.pricing import PricedOrder, PricingRules, StandardPricing
from domain.order.refunds import refund_of
from tests.support.order_parts import a_line

LINES: Final = (
    a_line(sku="cup", quantity=3, unit_price=500, discount=100, tax=266),
    a_line(sku="pot", quantity=1, unit_price=2_000, discount=133, tax=355),
)
PRICE: Final = Price.of(LINES, "EUR", shipping=490, shipping_tax=93)


def euros(lines: int, discount: int, tax: int, shipping: int = 0, shipping_tax: int = 0) -> Price:
    return Price(
        currency="EUR",
        lines=lines,
        discount=discount,
        shipping=shipping,
        tax=tax,
        shipping_tax=shipping_tax,
        total=lines - discount + shipping + tax,
    )


def test_each_of_three_pieces_gives_back_its_share_and_the_last_one_the_rest() -> None:
    refunds = [refund_of({"cup": 1}, {"cup": before}, LINES, PRICE) for before in range(3)]
    assert refunds == [
        euros(500, discount=33, tax=88),
        euros(500, discount=33, tax=89),
        euros(500, discount=34, tax=89),
    ]


def test_two_pieces_at_once_give_back_as_much_as_one_after_the_other() -> None:
    at_once = refund_of({"cup": 2}, {}, LINES, PRICE)
    assert at_once == euros(1_000, discount=66, tax=177)
    assert at_once == refund_of({"cup": 1}, {}, LINES, PRICE) + refund_of(
        {"cup": 1}, {"cup": 1}, LINES, PRICE
    )


def test_everything_gives_back_the_shipping_and_its_tax() -> None:
    assert refund_of({"cup": 3, "pot": 1}, {}, LINES, PRICE) == PRICE


def test_the_return_that_completes_the_order_gives_back_the_shipping() -> None:
    first = refund_of({"cup": 3}, {}, LINES, PRICE)
    second = refund_of({"pot": 1}, {"cup": 3}, LINES, PRICE)
    assert (first.shipping, first.shipping_tax) == (0, 0)
    assert second == euros(2_000, discount=133, tax=448, shipping=490, shipping_tax=93)
    assert first + second == PRICE


def test_pieces_that_were_refunded_before_they_come_back_give_back_no_shipping() -> None:
    all_pieces = {"cup": 3, "pot": 1}
    for now in ({"cup": 0, "pot": 0}, {}):
        assert refund_of(now, all_pieces, LINES, PRICE) == euros(0, discount=0, tax=0)


def test_the_last_pieces_give_back_the_shipping_although_others_were_refunded_and_came_back() -> (
    None
):
    refund = refund_of({"pot": 1}, {"cup": 6}, LINES, PRICE)
    assert refund == euros(2_000, discount=133, tax=448, shipping=490, shipping_tax=93)


def test_a_free_line_gives_back_nothing() -> None:
    lines = (*LINES, a_line(sku="sample", quantity=1, unit_price=0))
    price = Price.of(lines, "EUR", shipping=490)
    assert refund_of({"sample": 1}, {}, lines, price) == euros(0, discount=0, tax=0)


@pytest.mark.parametrize(("now", "tax"), [(1, 0), (2, 0), (3, 1)])
def test_one_cent_of_tax_is_given_back_with_the_last_piece(now: int, tax: int) -> None:
    lines = (a_line(sku="cup", quantity=3, unit_price=2, tax=1), LINES[1])
    refund = refund_of({"cup": now}, {}, lines, Price.of(lines, "EUR"))
    assert refund == euros(2 * now, discount=0, tax=tax)


@st.composite
def an_order(draw: st.DrawFn) -> PricedOrder:
    shapes = st.tuples(st.integers(1, 12), st.integers(0, 5_000))
    lines = [
        a_line(sku=f"sku-{n}", quantity=quantity, unit_price=unit_price)
        for n, (quantity, unit_price) in enumerate(draw(st.lists(shapes, min_size=1, max_size=6)))
    ]
    percents = st.decimals(0, 100, places=2)
    rules = PricingRules(
        {"EUR": draw(st.integers(0, 2_000))}, {}, draw(percents), {"CODE": draw(percents)}
    )
    return StandardPricing(rules).price(lines, "EUR", "CODE")


PICKS: Final = st.lists(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 12)), min_size=1, max_size=3), max_size=20
)
"""Each return as the numbers of some lines, with pieces of each."""


def returns_of(order: PricedOrder, picks: list[list[tuple[int, int]]]) -> list[dict[str, int]]:
    """Return the picked pieces, as far as the customer still has them."""
    left = {line.sku: line.quantity for line in order.lines}
    returns = []
    for pick in picks:
        wanted = {f"sku-{number % len(left)}": pieces for number, pieces in pick}
        now = {sku: min(pieces, left[sku]) for sku, pieces in wanted.items() if left[sku]}
        left |= {sku: left[sku] - pieces for sku, pieces in now.items()}
        returns += [now] if now else []
    return returns


def refunded(
    order: PricedOrder, returns: list[dict[str, int]]
) -> tuple[list[Price], dict[str, int]]:
    """Return the refund of each return, and the pieces that have come back in all."""
    before: dict[str, int] = {}
    refunds = []
    for now in returns:
        refunds.append(refund_of(now, before, order.lines, order.price))
        before |= {sku: before.get(sku, 0) + pieces for sku, pieces in now.items()}
    return refunds, before


@given(order=an_order(), picks=PICKS)
def test_many_partial_returns_never_refund_more_than_was_paid(
    order: PricedOrder, picks: list[list[tuple[int, int]]]
) -> None:
    refunds, _ = refunded(order, returns_of(order, picks))
    so_far = Price(currency="EUR", lines=0, total=0)
    for refund in refunds:
        so_far += refund
        for part in ("lines", "discount", "shipping", "tax", "shipping_tax", "total"):
            assert 0 <= getattr(so_far, part) <= getattr(order.price, part)


@given(order=an_order(), picks=PICKS)
def test_the_returns_of_everything_refund_exactly_what_was_paid(
    order: PricedOrder, picks: list[list[tuple[int, int]]]
) -> None:
    returns = returns_of(order, picks)
    _, before = refunded(order, returns)
    rest = {line.sku: line.quantity - before.get(line.sku, 0) for line in order.lines}
    if any(rest.values()):
        returns.append({sku: pieces for sku, pieces in rest.items() if pieces})
    refunds, _ = refunded(order, returns)
    assert sum(refunds[1:], start=refunds[0]) == order.price
    assert all(refund.shipping == refund.shipping_tax == 0 for refund in refunds[:-1])


@given(data=st.data(), pieces=st.integers(1, 1_000))
def test_a_line_is_refunded_in_proportion_to_within_a_minor_unit(
    data: st.DataObject, pieces: int
) -> None:
    back = data.draw(st.integers(1, pieces))
    line = a_line(sku="cup", quantity=pieces, unit_price=data.draw(st.integers(0, 10**6)))
    rules = PricingRules(tax_percent=Decimal(19), discount_codes={"CODE": Decimal("12.5")})
    order = StandardPricing(rules).price([line], "EUR", "CODE")
    refund = refund_of({"cup": back}, {}, order.lines, order.price)
    assert refund.lines == back * line.unit_price
    for part in ("discount", "tax"):
        exact = getattr(order.price, part) * back
        assert 0 <= exact - getattr(refund, part) * pieces < pieces
