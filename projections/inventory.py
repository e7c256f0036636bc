from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Final

from domain.inventory import events as e
from eventstore.envelope import StoredEvent
from projections.change import Change, Plus, delete, insert, upsert
from projections.projection import Inline, events_of
from projections.tables import backorder_view, inventory_view


def apply(event: e.InventoryEvent, stored: StoredEvent) -> Sequence[Change]:  # noqa: PLR0911 - one for each event
    moved = partial(upsert, inventory_view, event.sku, position=stored.position)
    match event:
        case e.StockReceived():
            return [moved(received=Plus(event.quantity))]
        case e.StockAdjusted():
            return [moved(adjusted=Plus(event.difference))]
        case e.InventoryReserved():
            return [moved(reserved=Plus(event.quantity))]
        case e.InventoryReleased():
            return [moved(reserved=Plus(-event.quantity))]
        case e.InventoryCommitted():
            return [moved(reserved=Plus(-event.quantity), shipped=Plus(event.quantity))]
        case e.StockReturned():
            return [moved(shipped=Plus(-event.quantity))]
        case e.BackorderQueued():
            waiting = (event.order_id, event.sku)
            row = {"quantity": event.quantity, "position": stored.position}
            return [insert(backorder_view, waiting, **row)]
        case e.BackorderEnded():
            return [delete(backorder_view, (event.order_id, event.sku))]


INVENTORY: Final = Inline(
    "inventory", 1, [inventory_view, backorder_view], events_of(e.InventoryEvent), apply
)
