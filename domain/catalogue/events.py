from __future__ import annotations

from domain.event import Event
from domain.money import Money


class ProductListed(Event):
    sku: str
    name: str
    price: Money


CatalogueEvent = ProductListed
