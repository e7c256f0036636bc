"""The orders in which a list of orders can be read, each by a key that no two orders share."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final

from sqlalchemy import BigInteger, Select, Text, Tuple, column, func, table, tuple_

from domain.order.decide import ORDER
from projections.tables import order_view
from queries.keyset import SortKey
from queries.order_filter import OrderFilter
from queries.order_view import OrderView


class OrderOrder(StrEnum):
    PLACED_AT_ASC = "PLACED_AT_ASC"
    PLACED_AT_DESC = "PLACED_AT_DESC"
    UPDATED_AT_ASC = "UPDATED_AT_ASC"
    UPDATED_AT_DESC = "UPDATED_AT_DESC"
    TOTAL_ASC = "TOTAL_ASC"
    TOTAL_DESC = "TOTAL_DESC"

    @property
    def is_descending(self) -> bool:
        return self.endswith("_DESC")

    @property
    def is_by_total(self) -> bool:
        return self in {OrderOrder.TOTAL_ASC, OrderOrder.TOTAL_DESC}

    @property
    def is_by_update(self) -> bool:
        return self in {OrderOrder.UPDATED_AT_ASC, OrderOrder.UPDATED_AT_DESC}

    def key(self, order: OrderView) -> SortKey:
        """Return the key of the order in this list, which changes when an update moves it."""
        if self.is_by_update:
            return (order.updated_position,)
        first = order.total.amount if self.is_by_total else order.placed_at
        return first, order.placed_position


_event = table(
    "event", column("position", BigInteger), column("stream_id", Text), schema="eventstore"
)
_BY_PLACED: Final = tuple_(order_view.c.placed_at, order_view.c.placed_position)
_BY_TOTAL: Final = tuple_(order_view.c.total, order_view.c.placed_position)
_BY_UPDATE: Final = tuple_(order_view.c.position)
_BY_EVENT: Final = tuple_(_event.c.position)

_PREFIX: Final = ORDER.stream("")
# The position of an order is that of its last event. As an equality, the condition would have
# PostgreSQL expect so few orders that it reads and sorts all of them.
_LAST_EVENT: Final = (
    (_event.c.stream_id >= _PREFIX)
    & (_event.c.stream_id < f"{_PREFIX[:-1]}{chr(ord(_PREFIX[-1]) + 1)}")
    & (order_view.c.order_id == func.substr(_event.c.stream_id, len(_PREFIX) + 1))
    & (order_view.c.position <= _event.c.position)
)


def in_order(
    orders: Select[Any], wanted: OrderFilter, order: OrderOrder
) -> tuple[Select[Any], Tuple]:
    """Return the orders with the key that sorts them.

    No index holds the last updates, because each milestone of an order would write it. The log has
    all orders by their last event. Where a filter leaves fewer, these are sorted.
    """
    if order.is_by_total:
        return orders, _BY_TOTAL
    if not order.is_by_update:
        return orders, _BY_PLACED
    if wanted.is_wide:
        return orders.join(_event, _LAST_EVENT), _BY_EVENT
    return orders, _BY_UPDATE
