"""The stock of each product as operators see it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from projections.tables import backorder_view, inventory_view, product_view
from queries.keyset import Page, PageRequest, fetch_page


@dataclass(frozen=True, slots=True)
class StockView:
    """The pieces of one product. `available` is `on_hand` without `reserved`."""

    sku: str
    received: int
    """The pieces of all receipts so far."""
    on_hand: int
    """The pieces in the warehouse, reserved ones included."""
    reserved: int
    available: int
    waiting: int
    """The pieces that backorders wait for."""
    shipped: int
    """The pieces that have left with parcels and have not come back."""


_WAITING: Final = (
    select(func.coalesce(func.sum(backorder_view.c.quantity), 0))
    .where(backorder_view.c.sku == product_view.c.sku)
    .scalar_subquery()
)
_STOCK: Final[Select[Any]] = select(
    product_view.c.sku,
    func.coalesce(inventory_view.c.received, 0).label("received"),
    func.coalesce(inventory_view.c.on_hand, 0).label("on_hand"),
    func.coalesce(inventory_view.c.reserved, 0).label("reserved"),
    func.coalesce(inventory_view.c.available, 0).label("available"),
    _WAITING.label("waiting"),
    func.coalesce(inventory_view.c.shipped, 0).label("shipped"),
).outerjoin(inventory_view, inventory_view.c.sku == product_view.c.sku)


class StockQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def get(self, sku: str) -> StockView | None:
        """Return the stock of a product, which may be discontinued; None for an unknown SKU."""
        return (await self.get_all([sku])).get(sku)

    async def get_all(self, skus: Collection[str]) -> dict[str, StockView]:
        """Return the stock of the products that exist, by SKU, in one statement."""
        statement = _STOCK.where(product_view.c.sku.in_(skus))
        async with self._engine.connect() as connection:
            rows = (await connection.execute(statement)).all()
        return {row.sku: _stock(row) for row in rows}

    async def page(self, request: PageRequest[str]) -> Page[StockView]:
        """Return the stock of all products by SKU, which is the key of the list."""
        async with self._engine.connect() as connection:
            page = await fetch_page(connection, _STOCK, product_view.c.sku, request)
        return page.of(_stock)


def _stock(row: Row[Any]) -> StockView:
    return StockView(
        sku=row.sku,
        received=row.received,
        on_hand=row.on_hand,
        reserved=row.reserved,
        available=row.available,
        waiting=int(row.waiting),
        shipped=row.shipped,
    )
