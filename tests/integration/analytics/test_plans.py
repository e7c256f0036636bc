"""Each statement reads the rows of its range by the primary key, however many there are."""

from __future__ import annotations

import re

import asyncpg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.analytics.year import fill, requests
from queries.analytics import AnalyticsQueries
from tests.integration.queries.statements import Statement, counted

ORDERS = 100_000
"""The plans of 1 million events are those of 5 million: the spans of a year are as many."""

MAX_ROWS = {"analytics_total": 6_500, "analytics_breakdown": 75_000, "analytics_duration": 12_000}
"""The rows that the widest of the questions may read."""

_READ = re.compile(r"(Seq|Index|Index Only|Bitmap Heap) Scan .*?on (analytics_\w+) t .*")
_ACTUAL = re.compile(r"actual .*rows=([\d.]+) loops=(\d+)")


@pytest.fixture
async def filled(owner: asyncpg.Connection, engine: AsyncEngine) -> AsyncEngine:
    await fill(owner, ORDERS)
    return engine


async def analysed(engine: AsyncEngine, statement: Statement) -> list[tuple[str, str, float]]:
    """Return the kind of each scan, its table and the rows that it has read."""
    text, parameters = statement
    async with engine.connect() as connection:
        plan = await connection.exec_driver_sql(f"EXPLAIN (ANALYZE) {text}", parameters)
        lines = [row[0] for row in plan]
    return [
        (scan[1], scan[2], float(actual[1]) * int(actual[2]))
        for line in lines
        if (scan := _READ.search(line)) and (actual := _ACTUAL.search(line))
    ]


async def test_no_statement_reads_more_than_its_range(filled: AsyncEngine) -> None:
    queries = AnalyticsQueries(filled)
    for name, request in requests():
        with counted(filled) as statements:
            await queries.read(request)
        reads = [s for s in statements if "piece" in s[0]]
        assert len(reads) == 4, name
        for statement in reads:
            ((kind, table, rows),) = await analysed(filled, statement)
            assert kind != "Seq", (name, table)
            assert rows <= MAX_ROWS[table], (name, table)


async def test_the_figures_of_a_year_read_a_row_for_each_day_and_currency(
    filled: AsyncEngine,
) -> None:
    (request,) = [request for name, request in requests() if name == "year by month, UTC"]
    with counted(filled) as statements:
        view = await AnalyticsQueries(filled).read(request)
    totals = next(s for s in statements if "analytics_total" in s[0])

    assert sum(rows for *_, rows in await analysed(filled, totals)) == 365 * 2
    assert sum(figures["placed"] for figures in view.totals.values()) == ORDERS
