from __future__ import annotations

from collections.abc import Sequence

from domain.aggregate import Aggregate
from domain.product import commands as c
from domain.product import events as e
from domain.product.state import ProductState, evolve


def decide(command: c.ListProduct, state: ProductState) -> Sequence[e.ProductEvent]:
    if ProductState(name=command.name, price=command.price) == state:
        return []
    return [e.ProductListed(sku=command.aggregate_id, name=command.name, price=command.price)]


PRODUCT: Aggregate[ProductState] = Aggregate("product", ProductState(), decide, evolve)
