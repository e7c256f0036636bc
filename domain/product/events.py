from __future__ import annotations

from domain.event import Event
from domain.money import Money


class ProductListed(Event):
    """A product is on sale, or its name or price has changed. The last one holds."""

    sku: str
    name: str
    """As customers see it."""
    price: Money
    """Of one piece, for orders from now on."""


ProductEvent = ProductListed
