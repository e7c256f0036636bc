from __future__ import annotations

from dataclasses import dataclass, replace

from domain.money import Money
from domain.product import events as e


@dataclass(frozen=True, slots=True)
class ProductState:
    """`price` is None for a product that was never listed."""

    name: str = ""
    price: Money | None = None
    is_discontinued: bool = False


def evolve(state: ProductState, event: e.ProductEvent) -> ProductState:
    match event:
        case e.ProductListed():
            return ProductState(name=event.name, price=event.price)
        case e.ProductRenamed():
            return replace(state, name=event.name)
        case e.ProductPriceChanged():
            return replace(state, price=event.price)
        case e.ProductDiscontinued():
            return replace(state, is_discontinued=True)
