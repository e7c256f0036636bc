"""The analytics equal a recount of the log, whatever the range, the zone and the grain."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from eventstore.envelope import StoredEvent
from kit.engine import create_engine
from kit.pool import Connection, create_pool
from projections.analytics.durations import RELATIVE_ERROR
from projections.analytics.projection import ANALYTICS
from queries.analytics import AnalyticsQueries, AnalyticsRequest, AnalyticsView, Section
from queries.analytics_time import AnalyticsRange, Grain
from tests.integration.analytics.random_events import CLOCK_CHANGES, logs, with_every_type
from tests.integration.analytics.recount import Recount, exact_percentile
from tests.support.analytics import empty, fold_in, rows

SETTINGS = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    # Shrinking over a real database takes longer than a test may.
    phases=[Phase.explicit, Phase.generate],
)
ZONES = ("UTC", "Europe/Zurich", "Asia/Kathmandu", "Australia/Lord_Howe", "America/New_York")
GRAINS = (Grain.HOUR, Grain.DAY, Grain.WEEK, Grain.MONTH, Grain.QUARTER, Grain.YEAR)


A_MONTH = AnalyticsRequest(
    AnalyticsRange.of(
        CLOCK_CHANGES[0] - timedelta(days=3), CLOCK_CHANGES[0] + timedelta(days=27), "Europe/Zurich"
    ),
    Grain.DAY,
    None,
    frozenset(Section),
)


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    """Hypothesis calls a plain function for each example: all of them share one event loop."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def database(
    runner: asyncio.Runner, database_url: str
) -> Iterator[tuple[Connection, AnalyticsQueries]]:
    stack, engine = AsyncExitStack(), create_engine(database_url)
    connection = runner.run(_connected(stack, database_url))
    yield connection, AnalyticsQueries(engine)
    runner.run(_closed(stack, engine))


async def _connected(stack: AsyncExitStack, url: str) -> Connection:
    pool = await stack.enter_async_context(await create_pool(url))
    return await stack.enter_async_context(pool.acquire())


async def _closed(stack: AsyncExitStack, engine: AsyncEngine) -> None:
    await stack.aclose()
    await engine.dispose()


@st.composite
def requests(draw: st.DrawFn) -> AnalyticsRequest:
    quarters = st.integers(-400, 400).map(lambda n: timedelta(minutes=15 * n))
    middle = draw(st.sampled_from(CLOCK_CHANGES))
    start = middle + draw(quarters) - timedelta(days=draw(st.sampled_from([0, 40])))
    end = start + timedelta(minutes=15 * draw(st.sampled_from([1, 7, 96, 700, 3_900])))
    return AnalyticsRequest(
        AnalyticsRange.of(start, end, draw(st.sampled_from(ZONES))),
        draw(st.sampled_from(GRAINS)),
        draw(st.sampled_from([None, "EUR", "JPY"])),
        frozenset(Section),
    )


async def fold_in_pages(
    connection: Connection, log: Sequence[StoredEvent], sizes: Sequence[int]
) -> None:
    """Fold the log in pages, each of which comes twice, the second time with earlier events."""
    await empty(connection)
    at, sizes_left = 0, list(sizes)
    while at < len(log):
        size = sizes_left.pop() if sizes_left else 50
        await fold_in(connection, log[at : at + size])
        await fold_in(connection, log[max(0, at - size) : at + size])
        at += size


def compare(view: AnalyticsView, recount: Recount, request: AnalyticsRequest) -> None:
    start, end, currency = request.range.start, request.range.end, request.currency
    currencies = {currency} if currency else recount.currencies(start, end)
    assert set(view.totals) >= currencies
    for found in view.totals:
        assert view.totals[found] == recount.figures(start, end, found)
    for bucket in view.buckets:
        assert set(bucket.figures) == set(view.totals)
        for found, figures in bucket.figures.items():
            assert figures == recount.figures(bucket.start, bucket.end, found)
    compare_details(view, recount, request)


def compare_details(view: AnalyticsView, recount: Recount, request: AnalyticsRequest) -> None:
    asked = (request.range.start, request.range.end, request.currency)
    for kind, expected in recount.reasons(*asked).items():
        counted = {found.value: found.count for found in view.reasons.get(kind, [])}  # type: ignore[call-overload]
        assert Counter(counted) == expected
    assert {
        (sales.currency, sales.sku): (sales.pieces, sales.amount) for sales in view.products
    } == recount.products(*asked)
    durations = recount.durations(*asked)
    assert set(view.durations) == set(durations)
    for lasting, found in view.durations.items():
        exact = durations[lasting.value]
        assert found.count == len(exact)
        for percent in (1, 50, 90, 99, 100):
            value = exact_percentile(exact, percent)
            assert found.percentile(percent) == pytest.approx(value, rel=RELATIVE_ERROR)


def test_the_analytics_equal_a_recount_of_the_log(
    database: tuple[Connection, AnalyticsQueries], runner: asyncio.Runner
) -> None:
    connection, queries = database
    types: set[str] = set()

    async def fold_and_compare(
        log: Sequence[StoredEvent], sizes: Sequence[int], asked: Sequence[AnalyticsRequest]
    ) -> None:
        await fold_in_pages(connection, log, sizes)
        recount = Recount(log)
        for request in asked:
            compare(await queries.read(request), recount, request)

    @SETTINGS
    @given(
        logs(),
        st.lists(st.integers(1, 40), max_size=6),
        st.lists(requests(), min_size=3, max_size=6),
    )
    @example(with_every_type(), [7], [A_MONTH])
    def compared(
        log: Sequence[StoredEvent], sizes: Sequence[int], asked: Sequence[AnalyticsRequest]
    ) -> None:
        if log:
            runner.run(fold_and_compare(log, sizes, asked))
            types.update(event.type for event in log)

    compared()
    assert types >= ANALYTICS.types


def test_the_size_of_the_pages_changes_no_row(
    database: tuple[Connection, AnalyticsQueries], runner: asyncio.Runner
) -> None:
    connection, _ = database

    async def rows_after(log: Sequence[StoredEvent], sizes: Sequence[int]) -> dict[str, list[str]]:
        await fold_in_pages(connection, log, sizes)
        return await rows(connection)

    @settings(SETTINGS, max_examples=10)
    @given(logs(), st.lists(st.integers(1, 40), min_size=1, max_size=6))
    def example(log: Sequence[StoredEvent], sizes: Sequence[int]) -> None:
        if log:
            one_by_one = runner.run(rows_after(log, [1] * len(log)))
            assert runner.run(rows_after(log, sizes)) == one_by_one

    example()
