"""Find the orders that a product's stock suffices for, and those that it leaves short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from temporalio import activity

from activities import interface
from activities.command_handler import CommandHandler
from activities.short_orders import ShortOrders, skus_of
from activities.types.stock import (
    ChangedStockResult,
    ShortOrdersResult,
    StockInput,
    StockResult,
    WaitingPlace,
)
from domain.inventory.decide import INVENTORY
from domain.inventory.state import Backorder
from domain.order.decide import ORDER
from kit.pool import Pool

MAX_NOTIFIED_ORDERS: Final = 100
"""The orders that one run of the workflow notifies; the next run notifies the following ones."""


class StockActivitiesImpl(interface.StockActivities):
    def __init__(self, pool: Pool, handler: CommandHandler) -> None:
        self._handler = handler
        self._short_orders = ShortOrders(pool, handler)

    @activity.defn
    async def changed_stock(self, order_id: str) -> ChangedStockResult:
        skus = skus_of(await self._handler.load(ORDER, order_id))
        stocks = await self._handler.load_all(INVENTORY, skus)
        known = await self._short_orders.skus_of_known(skus)
        return ChangedStockResult(
            tuple(
                sku
                for sku, stock in zip(skus, stocks, strict=True)
                if stock.kept.served or stock.short or sku in known
            )
        )

    @activity.defn
    async def orders_to_notify(self, stock: StockInput) -> StockResult:
        state = await self._handler.load(INVENTORY, stock.sku)
        kept = state.kept
        behind = [
            backorder
            for backorder in state.backorders
            if backorder.order_id in kept.served and _is_behind(backorder, stock.after)
        ]
        page = behind[:MAX_NOTIFIED_ORDERS]
        return StockResult(
            order_ids=await self._served([backorder.order_id for backorder in page]),
            next_after=_place(page[-1]) if len(page) < len(behind) else None,
            may_be_short=bool(state.short or await self._short_orders.skus_of_known([stock.sku])),
        )

    async def _served(self, order_ids: Sequence[str]) -> tuple[str, ...]:
        """Return the orders for which all their products are there.

        The last of these that comes finds the others there. So an order that waits for one product
        is not woken by each change of another.
        """
        orders = await self._handler.load_all(ORDER, order_ids)
        skus = list(dict.fromkeys(sku for order in orders for sku in skus_of(order)))
        stocks = await self._handler.load_all(INVENTORY, skus)
        served = {sku: stock.kept.served for sku, stock in zip(skus, stocks, strict=True)}
        return tuple(
            order_id
            for order_id, order in zip(order_ids, orders, strict=True)
            if all(order_id in served[sku] for sku in skus_of(order))
        )

    @activity.defn
    async def compare_stock(self, sku: str) -> ShortOrdersResult:
        return ShortOrdersResult(await self._short_orders.compare_all_of(sku))


def _place(backorder: Backorder) -> WaitingPlace:
    return WaitingPlace(backorder.since, backorder.order_id)


def _is_behind(backorder: Backorder, after: WaitingPlace | None) -> bool:
    return after is None or (backorder.since, backorder.order_id) > (after.since, after.order_id)
