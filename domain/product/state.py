from __future__ import annotations

from dataclasses import dataclass

from domain.money import Money
from domain.product import events as e


@dataclass(frozen=True, slots=True)
class ProductState:
    name: str = ""
    price: Money | None = None


def evolve(_: ProductState, event: e.ProductEvent) -> ProductState:
    return ProductState(name=event.name, price=event.price)
