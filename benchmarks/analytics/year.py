"""Measure how long the analytics of a day, a month and a year take at 5 million events.

    python -m benchmarks.analytics.year [--orders 500000]

The script starts PostgreSQL, fills the tables with the rows that the events of a year make, and
prints the median of the times of each range, with all sections.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final, NamedTuple

import asyncpg

from kit.command import run_command
from kit.engine import create_engine
from projections.analytics.counting import DETAIL_SPANS, TOTAL_SPANS
from projections.analytics.spans import Span
from queries.analytics import AnalyticsQueries, AnalyticsRequest, Section
from queries.analytics_time import AnalyticsRange, Grain
from stack.databases import fresh_database
from stack.postgres import connected
from stack.servers import started_servers

BEGIN: Final = datetime(2025, 1, 1, tzinfo=UTC)
JULY: Final = datetime(2025, 7, 1, tzinfo=UTC)
ORDERS: Final = 500_000
"""An order has ten events: a year of this many orders has 5 million."""
RUNS: Final = 15

_SPANS: Final = {
    Span.QUARTER_HOUR: "to_timestamp(floor(extract(epoch FROM at) / 900) * 900)",
    Span.HOUR: "date_trunc('hour', at, 'UTC')",
    Span.DAY: "date_trunc('day', at, 'UTC')",
    Span.MONTH: "date_trunc('month', at, 'UTC')",
}
_PLACED: Final = """
    CREATE TEMPORARY TABLE placed AS
    SELECT n, at, CASE n % 4 WHEN 0 THEN 'USD' ELSE 'EUR' END AS currency,
           (ARRAY['CANCELLED', 'REJECTED', 'RETURNED'])[n % 10 + 1] AS outcome
    FROM (
        SELECT n, CAST($1 AS timestamptz) + n * (interval '365 days' / $2::int) AS at
        FROM generate_series(0, $2::bigint - 1) AS n
    ) AS spread
"""
_TOTALS: Final = """
    INSERT INTO readmodel.analytics_total
        (span, start_at, currency, placed, placed_amount, captured_amount, cancelled, rejected,
         completed, reached_reserved, reached_completed)
    SELECT {span}, {start}, currency, count(*), sum(1000 + n % 9000), sum(1000 + n % 9000),
           count(*) FILTER (WHERE outcome = 'CANCELLED'),
           count(*) FILTER (WHERE outcome = 'REJECTED'),
           count(*) FILTER (WHERE outcome IS NULL), count(*), count(*)
    FROM placed GROUP BY 2, 3 ORDER BY 2
"""
_PRODUCTS: Final = """
    INSERT INTO readmodel.analytics_breakdown (span, kind, start_at, currency, value, count, amount)
    SELECT {span}, 'PRODUCT', {start}, currency, 'SKU-' || (n * line * 7919 % 1000), count(*),
           sum(500 + n % 4500)
    FROM placed CROSS JOIN generate_series(1, 2) AS line GROUP BY 3, 4, 5 ORDER BY 3
"""
_REASONS: Final = """
    INSERT INTO readmodel.analytics_breakdown (span, kind, start_at, currency, value, count)
    SELECT {span}, 'CANCELLATION', {start}, currency, 'REASON_' || n % 7, count(*)
    FROM placed WHERE outcome = 'CANCELLED' GROUP BY 3, 4, 5 ORDER BY 3
"""
_DURATIONS: Final = """
    INSERT INTO readmodel.analytics_duration (span, kind, start_at, currency, bucket, count)
    SELECT {span}, coalesce(outcome, 'COMPLETED'), {start}, currency, 700 + n * 31 % 300, count(*)
    FROM placed GROUP BY 2, 3, 4, 5 ORDER BY 3
"""
_TABLES: Final = ("analytics_total", "analytics_breakdown", "analytics_duration")


class Question(NamedTuple):
    name: str
    start: datetime
    end: datetime
    grain: Grain


QUESTIONS: Final = (
    Question("day", JULY + timedelta(days=9), JULY + timedelta(days=10), Grain.HOUR),
    Question("month", JULY, JULY + timedelta(days=31), Grain.DAY),
    Question("30 days", JULY + timedelta(days=15), JULY + timedelta(days=45), Grain.DAY),
    Question("year by month", BEGIN, BEGIN + timedelta(days=365), Grain.MONTH),
    Question("year by day", BEGIN, BEGIN + timedelta(days=365), Grain.DAY),
)
ZONES: Final = ("UTC", "Europe/Zurich", "Asia/Kathmandu")


async def fill(owner: asyncpg.Connection, orders: int) -> None:
    """Fill the tables with a year of orders, each with two lines of 1,000 products."""
    await owner.execute(_PLACED.replace("$1", f"'{BEGIN}'").replace("$2", str(orders)))
    for span, start in _SPANS.items():
        names = {"span": span.value, "start": start}
        if span in TOTAL_SPANS:
            await owner.execute(_TOTALS.format(**names))
        if span in DETAIL_SPANS:
            for statement in (_PRODUCTS, _REASONS, _DURATIONS):
                await owner.execute(statement.format(**names))
    for table in _TABLES:
        await owner.execute(f"VACUUM ANALYZE readmodel.{table}")


def requests() -> Iterator[tuple[str, AnalyticsRequest]]:
    """Yield each question in each zone, with the range at the zone's own midnights."""
    for question in QUESTIONS:
        for zone in ZONES:
            asked = AnalyticsRange.of(question.start, question.end, zone)
            start, end = (
                at.replace(tzinfo=asked.zone).astimezone(UTC)
                for at in (question.start, question.end)
            )
            moved = AnalyticsRange.of(start, end, zone)
            name = f"{question.name}, {zone}"
            yield name, AnalyticsRequest(moved, question.grain, None, frozenset(Section))


async def times(queries: AnalyticsQueries, request: AnalyticsRequest) -> Sequence[float]:
    """Return the milliseconds of each run, without the first one."""
    found = []
    for _ in range(RUNS + 1):
        started = perf_counter()
        await queries.read(request)
        found.append((perf_counter() - started) * 1_000)
    return found[1:]


async def measure(orders: int) -> None:
    with TemporaryDirectory() as folder:
        async with (
            started_servers(Path(folder)) as servers,
            fresh_database(servers.owner_url, servers.owner_url) as url,
            connected(url) as owner,
        ):
            await fill(owner, orders)
            engine = create_engine(url)
            for name, request in requests():
                found = await times(AnalyticsQueries(engine), request)
                sys.stdout.write(f"{name:30} {median(found):6.1f} ms, at most {max(found):.1f}\n")
            await engine.dispose()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analytics.year")
    parser.add_argument("--orders", type=int, default=ORDERS)
    asyncio.run(measure(parser.parse_args().orders))


if __name__ == "__main__":
    run_command(main)
