"""The stock and the price history of the catalogue cost one statement, by an index."""

from __future__ import annotations

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from queries.keyset import PageRequest
from queries.price_history import PriceHistoryQueries, PriceHistoryRequest
from queries.stock import StockQueries
from tests.integration.queries.statements import counted, explained
from tests.support.order_log import OrderLog


@pytest.fixture
async def catalogue(log: OrderLog) -> OrderLog:
    """Ten products, each listed twice, in stock."""
    for number in range(10):
        for price in (250, 300):
            await log.list_product(f"sku-{number}", price=price)
        await log.receive(f"sku-{number}", 5)
    return log


@pytest.mark.usefixtures("catalogue")
async def test_a_page_of_stock_is_read_by_sku_with_what_waits_for_it(engine: AsyncEngine) -> None:
    with counted(engine) as statements:
        page = await StockQueries(engine).page(PageRequest(3))

    [statement] = statements
    plan = await explained(engine, statement)
    assert [(stock.sku, stock.on_hand) for stock in page.items] == [
        ("sku-0", 5),
        ("sku-1", 5),
        ("sku-2", 5),
    ]
    assert "using product_view_pkey on product_view" in plan
    assert "using inventory_view_pkey on inventory_view" in plan
    assert "using backorder_view_sku on backorder_view" in plan
    assert "Sort" not in plan


@pytest.mark.usefixtures("catalogue")
async def test_the_price_histories_of_a_list_are_read_from_their_streams_at_once(
    engine: AsyncEngine,
) -> None:
    requests = [PriceHistoryRequest(f"sku-{number}", size=1) for number in range(10)]
    with counted(engine) as statements:
        pages = await PriceHistoryQueries(engine).pages(requests)

    [statement] = statements
    assert [[price.price.amount for price in page.items] for page in pages] == [[300]] * 10
    assert all(page.has_next for page in pages)
    assert "event_stream_version_key on event" in await explained(engine, statement)
