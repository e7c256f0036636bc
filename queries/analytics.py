"""The figures of all orders over a range of time, for staff."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum, StrEnum, auto
from typing import Any, Final

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.order.state import OrderStatus
from projections.analytics.counting import Breakdown, Lasting
from projections.analytics.durations import RELATIVE_ERROR, percentile
from projections.analytics.projection import ANALYTICS
from queries import analytics_statements as sql
from queries.analytics_buckets import Bucket, ByCurrency, added_up, buckets_of, of_buckets, of_range
from queries.analytics_time import AnalyticsRange, Grain

MAX_PRODUCTS: Final = 100


class Section(Enum):
    """A part of the analytics, which costs a statement of its own."""

    TOTALS = auto()
    OVER_TIME = auto()
    REASONS = auto()
    PRODUCTS = auto()
    DURATIONS = auto()


@dataclass(frozen=True, slots=True)
class AnalyticsRequest:
    range: AnalyticsRange
    grain: Grain
    currency: str | None
    """None for the orders of all currencies, each of which has figures of its own."""
    sections: Collection[Section]


@dataclass(frozen=True, slots=True)
class Counted:
    """The number of times that something happened for this reason."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class ProductSales:
    """The pieces that were ordered and their price, after discount and before tax."""

    sku: str
    currency: str
    pieces: int
    amount: int


@dataclass(frozen=True, slots=True)
class Durations:
    """Durations in seconds, whose percentiles are exact within `relative_error`."""

    counts: Mapping[int, int] = field(default_factory=dict)
    """The number of durations by bucket."""
    relative_error: float = RELATIVE_ERROR

    @property
    def count(self) -> int:
        return sum(self.counts.values())

    def percentile(self, percent: int) -> float | None:
        return percentile(self.counts, percent)


class SagaOutcome(StrEnum):
    """How an order has ended."""

    COMPLETED = Lasting.COMPLETED
    CANCELLED = Lasting.CANCELLED
    REJECTED = Lasting.REJECTED
    RETURNED = Lasting.RETURNED


FUNNEL: Final[Mapping[OrderStatus, str]] = {
    OrderStatus.PLACED: "placed",
    OrderStatus.RESERVED: "reached_reserved",
    OrderStatus.AUTHORIZED: "reached_authorized",
    OrderStatus.CONFIRMED: "reached_confirmed",
    OrderStatus.SHIPPED: "reached_shipped",
    OrderStatus.DELIVERED: "reached_delivered",
    OrderStatus.COMPLETED: "reached_completed",
}
"""The figure of each stage."""


@dataclass(frozen=True, slots=True)
class AnalyticsView:
    """The requested sections, all of them of one position of the log; the others are empty."""

    position: int
    totals: ByCurrency = field(default_factory=dict)
    buckets: Sequence[Bucket] = ()
    reasons: Mapping[Breakdown, Sequence[Counted]] = field(default_factory=dict)
    products: Sequence[ProductSales] = ()
    """The best-selling ones of each currency, by amount."""
    durations: Mapping[Lasting, Durations] = field(default_factory=dict)

    @property
    def cancellations(self) -> Sequence[Counted]:
        return self.reasons.get(Breakdown.CANCELLATION, ())

    @property
    def rejections(self) -> Sequence[Counted]:
        return self.reasons.get(Breakdown.REJECTION, ())

    @property
    def declines(self) -> Sequence[Counted]:
        return self.reasons.get(Breakdown.DECLINE, ())

    @property
    def backorder_waits(self) -> Durations:
        return self.durations.get(Lasting.BACKORDER, Durations())

    def sagas(self, outcome: SagaOutcome) -> Durations:
        return self.durations.get(Lasting(outcome), Durations())

    def top_products(self, first: int) -> Sequence[ProductSales]:
        """Return the first products of each currency; MAX_PRODUCTS at most."""
        seen: Counter[str] = Counter()
        found = []
        for sales in self.products:
            seen[sales.currency] += 1
            if seen[sales.currency] <= first:
                found.append(sales)
        return found

    def funnel(self) -> Sequence[tuple[OrderStatus, int]]:
        """Return how many of the orders that were placed have come to each stage since."""
        return [
            (stage, sum(figures[name] for figures in self.totals.values()))
            for stage, name in FUNNEL.items()
        ]


class AnalyticsQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ")

    async def read(self, request: AnalyticsRequest) -> AnalyticsView:
        """Return the sections of one snapshot. Raises BadRange for too many buckets."""
        borders = _borders(request)
        async with self._engine.connect() as connection, connection.begin():
            return await _Reading(connection, request).view(borders)


def _borders(request: AnalyticsRequest) -> Sequence[datetime]:
    if Section.OVER_TIME in request.sections:
        return request.range.borders(request.grain)
    return (request.range.start, request.range.end)


class _Reading:
    def __init__(self, connection: AsyncConnection, request: AnalyticsRequest) -> None:
        self._connection = connection
        self._request = request
        self._details = of_range(request.range)

    async def view(self, borders: Sequence[datetime]) -> AnalyticsView:
        sections = self._request.sections
        found = await self._connection.execute(sql.POSITION, {"name": ANALYTICS.checkpoint})
        needs_totals = not {Section.TOTALS, Section.OVER_TIME}.isdisjoint(sections)
        buckets = await self._buckets(borders) if needs_totals else []
        return AnalyticsView(
            position=found.scalar_one_or_none() or 0,
            totals=added_up(buckets),
            buckets=buckets,
            reasons=await self._reasons() if Section.REASONS in sections else {},
            products=await self._products() if Section.PRODUCTS in sections else [],
            durations=await self._durations() if Section.DURATIONS in sections else {},
        )

    async def _buckets(self, borders: Sequence[datetime]) -> Sequence[Bucket]:
        arguments = of_buckets(borders)
        rows = await self._rows(sql.TOTALS, **arguments)
        return buckets_of(borders, rows, self._request.currency)

    async def _reasons(self) -> Mapping[Breakdown, Sequence[Counted]]:
        kinds = [Breakdown.CANCELLATION, Breakdown.REJECTION, Breakdown.DECLINE]
        found: defaultdict[Breakdown, list[Counted]] = defaultdict(list)
        for kind, *row in await self._rows(sql.REASONS, **self._details, kinds=kinds):
            found[Breakdown(kind)].append(Counted(*row))
        return found

    async def _products(self) -> Sequence[ProductSales]:
        kinds = [Breakdown.PRODUCT]
        rows = await self._rows(sql.PRODUCTS, **self._details, kinds=kinds, first=MAX_PRODUCTS)
        return [ProductSales(row.value, row.currency, row.count, row.amount) for row in rows]

    async def _durations(self) -> Mapping[Lasting, Durations]:
        found: defaultdict[Lasting, dict[int, int]] = defaultdict(dict)
        for kind, bucket, count in await self._rows(
            sql.DURATIONS, **self._details, kinds=list(Lasting)
        ):
            found[Lasting(kind)][bucket] = count
        return {kind: Durations(counts) for kind, counts in found.items()}

    async def _rows(self, statement: TextClause, **arguments: object) -> Sequence[Any]:
        asked = {"currency": self._request.currency, **arguments}
        return (await self._connection.execute(statement, asked)).all()
