"""Measure how the duration of a page of orders depends on the number of orders."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Final

from benchmarks.measure import Benchmark, Effort, Sides
from benchmarks.projections.order_log import EVENTS_OF_AN_ORDER, order_created
from benchmarks.server import Server
from domain.order.state import OrderStatus
from domain.payment.state import PaymentStatus
from domain.shipping.state import ShipmentStatus
from kit.engine import create_engine
from projections.orders import LINES
from queries.keyset import PageRequest
from queries.order_filter import OrderFilter
from queries.orders import OrderQueries
from stack.postgres import connected

MANY_EVENTS: Final = 5_000_000
FEW_EVENTS: Final = 10_000
PAGE: Final = 20
PAGES: Final = 300

_FILL: Final = Path(__file__).with_name("order_pages.sql").read_text()


async def fill_pages(url: str, events: int) -> None:
    """Insert the rows of orders that have about this many events."""
    created = order_created("any")
    async with connected(url) as connection:
        await connection.execute("SET synchronous_commit = off")
        await connection.execute(
            _FILL,
            events // EVENTS_OF_AN_ORDER,
            OrderStatus.COMPLETED.value,
            created.price.model_dump_json(),
            LINES.dump_json(created.lines).decode(),
            created.promises.model_dump_json(),
            PaymentStatus.CAPTURED.value,
            ShipmentStatus.DELIVERED.value,
        )
        await connection.execute("VACUUM (ANALYZE)")
        await connection.execute("CHECKPOINT")


async def milliseconds(orders: OrderQueries) -> float:
    """Return the mean duration of the first page of all orders."""
    began = perf_counter()
    for _ in range(PAGES):
        page = await orders.page(OrderFilter(), PageRequest(PAGE))
        assert len(page.items) == PAGE  # noqa: S101 - a short page would be a wrong figure
    return (perf_counter() - began) / PAGES * 1000


@asynccontextmanager
async def queries(url: str) -> AsyncIterator[OrderQueries]:
    engine = create_engine(url)
    try:
        yield OrderQueries(engine)
    finally:
        await engine.dispose()


@asynccontextmanager
async def _sides(server: Server, effort: Effort) -> AsyncIterator[Sides]:
    many = int(MANY_EVENTS * effort.scale)
    async with (
        server.database() as large_url,
        server.database() as small_url,
        queries(large_url) as large,
        queries(small_url) as small,
    ):
        await fill_pages(large_url, many)
        await fill_pages(small_url, FEW_EVENTS)
        yield Sides(
            f"ours, {FEW_EVENTS:,} events (against {many:,})",
            partial(milliseconds, large),
            partial(milliseconds, small),
        )


BENCHMARKS: Final = (Benchmark("projection.page_growth", "ms", 1.2, _sides, less_is_better=True),)
