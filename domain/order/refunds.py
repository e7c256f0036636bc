"""Compute the parts of an order's price that a return gives back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from domain.order.lines import OrderLine
from domain.order.price import Price
from domain.shares import share_of

Pieces = Mapping[str, int]
"""A number of pieces by SKU."""


def refund_of(now: Pieces, before: Pieces, lines: Sequence[OrderLine], price: Price) -> Price:
    """Return the refund of the pieces that come back now, after those that came back before.

    The refunds of all pieces of a line add up to its price, discount and tax exactly, in however
    many returns they come. Together the refunds never exceed what was paid. A piece that was
    refunded before it came back may be among `before` twice.

    The return that completes the order also gives back the shipping with its tax: a trader
    reimburses all payments of a consumer who withdraws from a contract, the costs of delivery
    included (Directive 2011/83/EU, Article 13(1)).
    """
    completes = any(now.values()) and all(
        before.get(line.sku, 0) + now.get(line.sku, 0) >= line.quantity for line in lines
    )
    return Price.of(
        [
            _part(line, now[line.sku], before.get(line.sku, 0))
            for line in lines
            if now.get(line.sku, 0)
        ],
        price.currency,
        shipping=price.shipping if completes else 0,
        shipping_tax=price.shipping_tax if completes else 0,
    )


def _part(line: OrderLine, now: int, before: int) -> OrderLine:
    """Return the part of the line that comes back now.

    Each amount is the share of all pieces returned so far, less the share of the earlier ones.
    """

    def share(amount: int) -> int:
        in_all = share_of(amount, before + now, line.quantity)
        return in_all - share_of(amount, before, line.quantity)

    return line.with_parts(quantity=now, discount=share(line.discount), tax=share(line.tax))
