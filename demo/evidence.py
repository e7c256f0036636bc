"""Gather the sources for the check of a run: the log, the read model and the providers' records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, get_args

import httpx
from sqlalchemy import select

from demo.conservation import Effect, Effects, Evidence
from demo.ledger import Ledger, Stock
from domain.inventory.events import InventoryEvent
from domain.order.events import OrderEvent
from domain.payment.events import PaymentEvent
from eventstore.postgres import PostgresEventStore
from kit.engine import create_engine
from kit.eventually import eventually
from kit.pool import create_pool
from projections.tables import inventory_view
from settings import Settings

_PAGE: Final = 5_000
_HEAD_POLL_SECONDS: Final = 0.02
_TYPES: Final = [
    event.__name__
    for union in (InventoryEvent, OrderEvent, PaymentEvent)
    for event in get_args(union)
]


async def gather(settings: Settings, http: httpx.AsyncClient, orders: Sequence[str]) -> Evidence:
    url = settings.database_url.get_secret_value()
    view, position = await _stock_view(url)
    async with await create_pool(url, size=1) as pool:
        ledger = await _ledger(PostgresEventStore(pool), position)
    return Evidence(
        ledger=ledger,
        stock_view=view,
        payments=await _effects(http, settings.payment_url),
        shipments=await _effects(http, settings.carrier_url),
        orders=orders,
    )


async def _stock_view(url: str) -> tuple[dict[str, Stock], int]:
    """Return the stock by SKU, and the position of the last event that changed it."""
    engine = create_engine(url)
    try:
        async with engine.connect() as connection:
            rows = (await connection.execute(select(inventory_view))).all()
    finally:
        await engine.dispose()
    view = {
        row.sku: Stock(row.received, row.adjusted, row.on_hand, row.reserved, row.shipped)
        for row in rows
    }
    return view, max((row.position for row in rows), default=0)


async def _ledger(store: PostgresEventStore, up_to: int) -> Ledger:
    """Return the totals of the log, read at least up to the read model's position."""

    async def is_visible() -> bool:
        return await store.safe_head() >= up_to

    await eventually(is_visible, None, _HEAD_POLL_SECONDS)
    ledger, position = Ledger(), 0
    while page := await store.load_all_events(position, _PAGE, types=_TYPES):
        ledger.add_all(stored.decode() for stored in page)
        position = page[-1].position
    return ledger


async def _effects(http: httpx.AsyncClient, url: str) -> Effects:
    answer = await http.get(f"{url}/effects")
    return {
        order_id: {name: Effect(**effect) for name, effect in effects.items()}
        for order_id, effects in answer.raise_for_status().json()["orders"].items()
    }
