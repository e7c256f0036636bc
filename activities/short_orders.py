"""Record the orders that have reserved pieces which are not on hand, as a discrepancy.

An adjustment may take away pieces that orders have reserved. `InventoryState.short` decides which
orders that leaves short. Each of them needs an operator until the pieces are there, or until it has
none reserved.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Final

from activities.command_handler import CommandHandler
from activities.reconciliation.discrepancies import Discrepancies
from activities.types.reconciliation import Discrepancy
from domain.errors import ErrorCode
from domain.inventory.decide import INVENTORY
from domain.inventory.state import InventoryState
from domain.order.decide import ORDER
from domain.order.state import OrderState
from domain.saga.commands import ReconciledSystem
from domain.saga.decide import SAGA
from domain.saga.plan import CREATE_SHIPMENT
from kit.bounded_gather import bounded_gather
from kit.pool import Pool

MAX_ORDERS: Final = 100
"""The known orders that are read at a time."""
MAX_PRODUCTS: Final = 20
"""The products that one run of the recovery compares; the next run takes others."""
MAX_SECONDS: Final = 10.0
"""The time of one run of the recovery."""

# Few orders are known to be short at any time, so these statements begin with them.
_SKUS_OF_KNOWN: Final = """
    WITH known AS (
        SELECT order_id FROM readmodel.saga_discrepancy WHERE system = 'STOCK'
        UNION
        SELECT order_id FROM readmodel.parked_step WHERE code = 'INSUFFICIENT_STOCK'
    )
    SELECT DISTINCT line ->> 'sku'
    FROM known JOIN readmodel.order_view USING (order_id), jsonb_array_elements(lines) AS line
    WHERE line ->> 'sku' = ANY ($1)
"""
_KNOWN_OF_SKU: Final = """
    WITH known AS (
        SELECT order_id FROM readmodel.saga_discrepancy WHERE system = 'STOCK'
        UNION
        SELECT order_id FROM readmodel.parked_step WHERE code = 'INSUFFICIENT_STOCK'
    )
    SELECT order_id
    FROM known JOIN readmodel.order_view USING (order_id)
    WHERE order_id > $1 AND lines @> jsonb_build_array(jsonb_build_object('sku', $2::text))
    ORDER BY order_id
    LIMIT $3
"""
_SHORT_PRODUCTS: Final = """
    SELECT sku FROM readmodel.inventory_view WHERE available < 0 ORDER BY random() LIMIT $1
"""
_WAITING_PARCELS: Final = """
    SELECT order_id FROM readmodel.parked_step
    WHERE code = 'INSUFFICIENT_STOCK'
    ORDER BY random()
    LIMIT $1
"""


class ShortOrders:
    def __init__(self, pool: Pool, handler: CommandHandler) -> None:
        self._pool = pool
        self._handler = handler
        self._record = Discrepancies(pool, handler)

    async def skus_of_known(self, skus: Sequence[str]) -> Collection[str]:
        """Return those of the products that are in an order which is known to be short."""
        async with self._pool.acquire() as connection:
            return {row[0] for row in await connection.fetch(_SKUS_OF_KNOWN, skus)}

    async def compare_all_of(self, sku: str) -> tuple[str, ...]:
        """Compare the orders that are short of the product, and those known to have been.

        Return the orders whose parcel waits for stock that they have now.
        """
        ready = []
        for order_id in (await self._handler.load(INVENTORY, sku)).short:
            await self.compare(order_id)
        after = ""
        while page := await self._known(sku, after):
            ready += [order_id for order_id in page if await self.compare(order_id)]
            after = page[-1]
        return tuple(ready)

    async def compare_some(self) -> Sequence[str]:
        """Compare some short products, some recorded orders and some whose parcel waits.

        A parcel that leaves compares nothing. Nor does a workflow that Temporal has lost, and a
        parcel may begin to wait just after its goods were compared. Return the orders whose parcel
        waits for stock that they have now.
        """
        async with self._pool.acquire() as connection:
            products = [row[0] for row in await connection.fetch(_SHORT_PRODUCTS, MAX_PRODUCTS)]
            waiting = [row[0] for row in await connection.fetch(_WAITING_PARCELS, MAX_ORDERS)]
        recorded = await self._record.orders(ReconciledSystem.STOCK, limit=MAX_ORDERS)
        await bounded_gather(products, self.compare_all_of, seconds=MAX_SECONDS)
        orders = dict.fromkeys([*recorded, *waiting])
        compared = await bounded_gather(orders, self.compare, seconds=MAX_SECONDS)
        return [order_id for order_id, is_ready in compared.results.items() if is_ready]

    async def compare(self, order_id: str) -> bool:
        """Record whether the order is short; return whether its parcel waits for nothing more."""
        order, saga = await self._handler.read((ORDER, order_id), (SAGA, order_id))
        short = await self._short(order_id, order.state)
        if short:
            await self._record.found(
                Discrepancy(
                    order_id,
                    ReconciledSystem.STOCK,
                    ours=", ".join(f"{pieces} of {sku} reserved" for sku, pieces in short.items()),
                    theirs=f"not on hand: {', '.join(short)}",
                )
            )
        elif ReconciledSystem.STOCK in saga.state.discrepancies:
            await self._record.settled(order_id, ReconciledSystem.STOCK)
        parked = saga.state.parked.get(CREATE_SHIPMENT.name)
        return not short and parked is not None and parked.code == ErrorCode.INSUFFICIENT_STOCK

    async def _short(self, order_id: str, order: OrderState) -> Mapping[str, int]:
        skus = skus_of(order)
        return short_of(order_id, skus, await self._handler.load_all(INVENTORY, skus))

    async def _known(self, sku: str, after: str) -> list[str]:
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(_KNOWN_OF_SKU, after, sku, MAX_ORDERS)
        return [row[0] for row in rows]


def skus_of(order: OrderState) -> list[str]:
    return list(dict.fromkeys(line.sku for line in order.lines))


def short_of(
    order_id: str, skus: Iterable[str], stocks: Iterable[InventoryState]
) -> Mapping[str, int]:
    """Return the pieces that the order has reserved and that are not on hand, by SKU."""
    held = ((sku, stock.short.get(order_id)) for sku, stock in zip(skus, stocks, strict=True))
    return {sku: pieces for sku, pieces in held if pieces is not None}
