"""Find orders by their id or number, or page through the orders of a search."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.order.state import FINAL
from projections.tables import backorder_view, order_view, payment_view, shipment_view
from queries.keyset import Page, PageRequest, SortKey, fetch_page
from queries.order_filter import OrderFilter, conditions
from queries.order_sort import OrderOrder, in_order
from queries.order_view import OrderView, order_of
from queries.order_waits import attention_since

_backordered = (
    exists().where(backorder_view.c.order_id == order_view.c.order_id).correlate(order_view)
)
ORDERS: Final[Select[Any]] = (
    select(
        order_view,
        *(c.label(f"payment_{c.name}") for c in payment_view.c),
        *(c.label(f"shipment_{c.name}") for c in shipment_view.c),
        _backordered.label("backordered"),
        attention_since.label("attention_since"),
    )
    .outerjoin(payment_view, payment_view.c.order_id == order_view.c.order_id)
    .outerjoin(shipment_view, shipment_view.c.order_id == order_view.c.order_id)
)


class OrderQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def get(self, order_id: str) -> OrderView | None:
        return await self._one(order_view.c.order_id == order_id)

    async def by_number(self, number: str) -> OrderView | None:
        return await self._one(order_view.c.number == number)

    async def _one(self, condition: ColumnElement[bool]) -> OrderView | None:
        statement = ORDERS.where(condition)
        async with self._engine.connect() as connection:
            row = (await connection.execute(statement)).one_or_none()
        return None if row is None else order_of(row)

    async def has_open(self, customer_id: str) -> bool:
        """Return whether the customer has an order that is not final."""
        theirs = order_view.c.customer_id == customer_id
        statement = select(exists().where(theirs, order_view.c.status.not_in(FINAL)))
        async with self._engine.connect() as connection:
            return bool(await connection.scalar(statement))

    async def page(
        self,
        wanted: OrderFilter,
        request: PageRequest[SortKey],
        order: OrderOrder = OrderOrder.PLACED_AT_DESC,
    ) -> Page[OrderView]:
        """Return orders in this order; `OrderOrder.key` makes their keys."""
        statement, key = in_order(_matching(wanted), wanted, order)
        async with self._engine.connect() as connection:
            page = await fetch_page(
                connection, statement, key, request, descending=order.is_descending
            )
        return page.of(order_of)

    async def count(self, wanted: OrderFilter) -> int:
        """Count the orders of the search, in one statement that reads all of them."""
        statement = _matching(wanted).with_only_columns(func.count(), maintain_column_froms=True)
        async with self._engine.connect() as connection:
            return int((await connection.execute(statement)).scalar_one())


def _matching(wanted: OrderFilter) -> Select[Any]:
    return ORDERS.where(*conditions(wanted))
