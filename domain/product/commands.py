from __future__ import annotations

from domain.command import Command
from domain.money import Money
from domain.order.lines import Text


class ProductCommand(Command):
    """`aggregate_id` is the SKU."""


class ListProduct(ProductCommand):
    """Offer a product, or change the name or price of one that is offered."""

    name: Text
    price: Money
