from __future__ import annotations

from sqlalchemy import Executable
from sqlalchemy.dialects.postgresql import insert

from domain.inventory import events as e
from eventstore.envelope import StoredEvent
from projections.tables import inventory_view


def project(event: e.InventoryEvent, stored: StoredEvent) -> Executable:
    match event:
        case e.StockReceived():
            return _add(event.sku, stored, received=event.quantity)
        case e.InventoryReserved():
            return _add(event.sku, stored, reserved=event.quantity)
        case e.InventoryReleased():
            return _add(event.sku, stored, reserved=-event.quantity)
        case e.InventoryCommitted():
            return _add(event.sku, stored, reserved=-event.quantity, shipped=event.quantity)


def _add(
    sku: str, stored: StoredEvent, *, received: int = 0, reserved: int = 0, shipped: int = 0
) -> Executable:
    c = inventory_view.c
    return (
        insert(inventory_view)
        .values(
            sku=sku,
            received=received,
            reserved=reserved,
            shipped=shipped,
            position=stored.position,
        )
        .on_conflict_do_update(
            index_elements=["sku"],
            set_={
                "received": c.received + received,
                "reserved": c.reserved + reserved,
                "shipped": c.shipped + shipped,
                "position": stored.position,
            },
        )
    )
