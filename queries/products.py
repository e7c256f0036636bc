"""The catalogue as clients see it: name, price, and the available quantity."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.money import Money
from projections.tables import inventory_view, product_view
from queries.keyset import Page, PageRequest, fetch_page


@dataclass(frozen=True, slots=True)
class ProductView:
    sku: str
    name: str
    price: Money
    available: int
    """The pieces on hand that no order has reserved."""
    discontinued: bool


_PRODUCTS: Final[Select[Any]] = select(
    product_view.c.sku,
    product_view.c.name,
    product_view.c.currency,
    product_view.c.price,
    product_view.c.discontinued,
    func.greatest(inventory_view.c.available, 0).label("available"),
).outerjoin(inventory_view, inventory_view.c.sku == product_view.c.sku)


class ProductQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def get(self, sku: str) -> ProductView | None:
        return (await self.get_all([sku])).get(sku)

    async def get_all(self, skus: Collection[str]) -> dict[str, ProductView]:
        """Return the products that exist, discontinued ones too, by SKU, in one statement."""
        statement = _PRODUCTS.where(product_view.c.sku.in_(skus))
        async with self._engine.connect() as connection:
            rows = (await connection.execute(statement)).all()
        return {row.sku: _product(row) for row in rows}

    async def page(
        self, request: PageRequest[str], *, include_discontinued: bool = False
    ) -> Page[ProductView]:
        """Return the products on sale by SKU, which is their key."""
        on_sale = _PRODUCTS.where(~product_view.c.discontinued)
        products = _PRODUCTS if include_discontinued else on_sale
        async with self._engine.connect() as connection:
            page = await fetch_page(connection, products, product_view.c.sku, request)
        return page.of(_product)


def _product(row: Row[Any]) -> ProductView:
    return ProductView(
        sku=row.sku,
        name=row.name,
        price=Money.model_construct(amount=row.price, currency=row.currency),
        available=row.available,
        discontinued=row.discontinued,
    )
