from __future__ import annotations

from domain.event import Event
from domain.money import Money


class ProductListed(Event):
    """A product is on sale, or its name or price has changed. The latest event holds."""

    sku: str
    name: str
    """The name that customers see."""
    price: Money
    """The price of one piece, for orders from now on."""


ProductEvent = ProductListed
