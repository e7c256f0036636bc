from __future__ import annotations

from domain.event import Event
from domain.money import Money


class ProductListed(Event):
    """A product is on sale: for the first time, or again after it was discontinued."""

    sku: str
    name: str
    """The name that customers see."""
    price: Money
    """The price of one piece, for orders from now on."""


class ProductRenamed(Event):
    """A product has another name. Orders keep the name under which they were placed."""

    sku: str
    name: str
    """The name that customers see from now on."""


class ProductPriceChanged(Event):
    """A product has another price. Orders keep the price at which they were placed."""

    sku: str
    price: Money
    """The price of one piece, for orders from now on. The currency is the same as before."""


class ProductDiscontinued(Event):
    """A product is no longer on sale. Orders that were placed before continue."""

    sku: str


ProductEvent = ProductListed | ProductRenamed | ProductPriceChanged | ProductDiscontinued
