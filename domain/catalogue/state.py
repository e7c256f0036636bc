from __future__ import annotations

from dataclasses import dataclass

from domain.catalogue import events as e
from domain.money import Money


@dataclass(frozen=True, slots=True)
class ProductState:
    name: str = ""
    price: Money | None = None


def evolve(_: ProductState, event: e.CatalogueEvent) -> ProductState:
    return ProductState(name=event.name, price=event.price)
