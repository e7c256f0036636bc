from __future__ import annotations

from typing import Final

from domain.inventory import events as e
from domain.inventory.commands import AdjustmentReason
from projections.inventory import INVENTORY
from projections.tables import backorder_view, inventory_view
from tests.support.order_parts import PLACED_AT
from tests.support.projections import given

RECEIVED: Final = e.StockReceived(sku="cup", quantity=9)
RESERVED: Final = e.InventoryReserved(sku="cup", order_id="o-1", quantity=3)
QUEUED: Final = tuple(
    e.BackorderQueued(sku=sku, order_id="o-1", quantity=2, since=PLACED_AT)
    for sku in ("cup", "pot")
)


def test_stock_is_received_adjusted_reserved_and_shipped() -> None:
    adjusted = e.StockAdjusted(sku="cup", difference=-1, reason=AdjustmentReason.DAMAGED)
    committed = e.InventoryCommitted(sku="cup", order_id="o-1", quantity=3)
    more = e.InventoryReserved(sku="cup", order_id="o-2", quantity=2)
    row = {"sku": "cup", "received": 9, "adjusted": -1, "reserved": 2, "shipped": 3, "position": 5}
    given(INVENTORY, [RECEIVED, adjusted, RESERVED, committed, more]).then({inventory_view: [row]})


def test_released_and_returned_stock_is_free_again() -> None:
    released = e.InventoryReleased(sku="cup", order_id="o-1", quantity=3)
    committed = e.InventoryCommitted(sku="cup", order_id="o-2", quantity=3)
    returned = e.StockReturned(sku="cup", order_id="o-2", quantity=3)
    again = e.InventoryReserved(sku="cup", order_id="o-2", quantity=3)
    row = {"received": 9, "reserved": 0, "shipped": 0}
    given(INVENTORY, [RECEIVED, RESERVED, released, again, committed, returned]).then(
        {inventory_view: [row]}
    )


def test_the_end_of_a_backorder_leaves_that_of_another_product() -> None:
    ended = e.BackorderEnded(sku="cup", order_id="o-1", quantity=2)
    row = {"order_id": "o-1", "sku": "pot", "quantity": 2, "position": 2}
    given(INVENTORY, [*QUEUED, ended]).then({backorder_view: [row]})
