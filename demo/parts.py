"""Check the prices and refunds of orders part by part, without the domain's own arithmetic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Self

from domain.order import events as o
from domain.order.price import Price


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one or more prices, in minor units."""

    lines: int = 0
    discount: int = 0
    shipping: int = 0
    tax: int = 0

    @classmethod
    def of(cls, price: Price) -> Self:
        return cls(price.lines, price.discount, price.shipping, price.tax)

    @property
    def total(self) -> int:
        return self.lines - self.discount + self.shipping + self.tax

    def minus(self, other: Parts) -> Parts:
        return Parts(*(getattr(self, f.name) - getattr(other, f.name) for f in fields(self)))

    def __str__(self) -> str:
        return (
            f"{self.lines} lines - {self.discount} discount + {self.shipping} shipping"
            f" + {self.tax} tax = {self.total}"
        )


def sum_of(parts: Iterable[Parts]) -> Parts:
    each = list(parts)
    return Parts(*(sum(getattr(part, f.name) for part in each) for f in fields(Parts)))


@dataclass(frozen=True, slots=True)
class Sale:
    """An order's price and its refunds according to its events."""

    created: o.OrderCreated
    returns: tuple[o.OrderReturned, ...] = ()

    @property
    def price(self) -> Parts:
        return Parts.of(self.created.price)

    @property
    def refunded(self) -> Parts:
        return sum_of(Parts.of(each.refund) for each in self.returns)


def faults(sale: Sale) -> Iterator[str]:
    """Yield each part that does not add up, and each that was refunded wrongly."""
    yield from _price_faults(sale)
    for part in fields(Parts):
        paid, refunded = getattr(sale.price, part.name), getattr(sale.refunded, part.name)
        if refunded > paid:
            yield f"{part.name}: {refunded} refunded of {paid}"
    if sale.refunded.lines != _returned_lines(sale):
        yield f"{_returned_lines(sale)} of lines came back, {sale.refunded.lines} refunded"
    if any(each.is_whole for each in sale.returns) and sale.refunded != sale.price:
        yield f"all came back of {sale.price}, and the refund is {sale.refunded}"
    elif sale.refunded.shipping and not any(each.is_whole for each in sale.returns):
        yield f"{sale.refunded.shipping} of shipping refunded for a part of the goods"


def _price_faults(sale: Sale) -> Iterator[str]:
    price, lines = sale.created.price, sale.created.lines
    added_up = Parts(
        lines=sum(line.quantity * line.unit_price for line in lines),
        discount=sum(line.discount for line in lines),
        shipping=price.shipping,
        tax=sum(line.tax for line in lines) + price.shipping_tax,
    )
    if added_up != sale.price:
        yield f"the price is {sale.price}, and its lines add up to {added_up}"
    if added_up.total != price.total:
        yield f"the total is {price.total}, and its parts add up to {added_up.total}"


def _returned_lines(sale: Sale) -> int:
    unit_prices = {line.sku: line.unit_price for line in sale.created.lines}
    return sum(
        line.quantity * unit_prices[line.sku] for each in sale.returns for line in each.lines
    )
