from __future__ import annotations

from domain.command import Command
from domain.money import Money
from domain.order.lines import Text


class ProductCommand(Command):
    """`aggregate_id` is the SKU."""


class ListProduct(ProductCommand):
    """Offer a product for sale, also one that was discontinued.

    For a product that is on sale, change its name and price to these.
    """

    name: Text
    price: Money


class ChangePrice(ProductCommand):
    """Change the price of a product that is on sale, in its currency."""

    price: Money


class DiscontinueProduct(ProductCommand):
    """Stop the sale of a product. Orders that are placed already are not affected."""
