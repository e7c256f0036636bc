from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self

import strawberry

from api.connections import MAX_SIZE
from api.errors import bad_input
from api.money import Money
from api.payload import POSITION_NUMBER
from api.scalars import Long, Position
from domain.order.state import OrderStatus
from queries.analytics import (
    AnalyticsRequest,
    AnalyticsView,
    Counted,
    Durations,
    ProductSales,
    SagaOutcome,
)
from queries.analytics_buckets import Bucket, ByCurrency, Figures
from queries.analytics_time import Grain

strawberry.enum(
    Grain,
    name="AnalyticsGrain",
    description="The length of a bucket. Weeks begin on Monday; a QUARTER is three months.",
)
strawberry.enum(SagaOutcome, description="How an order has ended.")

DEFAULT_PRODUCTS = 10
TopFirst = Annotated[
    int,
    strawberry.argument(description=f"The products of each currency, 1 to {MAX_SIZE}."),
]


@strawberry.type(
    description="What happened to the orders of one currency. An order counts when it was placed, "
    "and each later event when it was recorded."
)
class AnalyticsFigures:
    currency: str
    orders: Long = strawberry.field(description="The orders that were placed.")
    order_value: Money = strawberry.field(description="The sum of their totals.")
    average_order_value: Money | None = strawberry.field(
        description="orderValue / orders, with half a minor unit rounded up. Null without orders."
    )
    captured: Money
    refunds: Long
    refunded: Money
    net: Money = strawberry.field(description="captured - refunded. It may be negative.")
    declines: Long = strawberry.field(description="Declined attempts to pay.")
    rejected: Long
    stock_outs: Long = strawberry.field(description="Orders that were rejected for lack of stock.")
    cancelled: Long
    completed: Long
    returns_requested: Long
    returns_lapsed: Long = strawberry.field(description="Returns whose goods never came back.")
    returned: Long = strawberry.field(description="Returns, whole or in part.")
    returned_whole: Long

    @classmethod
    def of(cls, currency: str, figures: Figures) -> Self:
        def money(amount: int) -> Money:
            return Money(amount=Long(amount), currency=currency)

        orders, value = figures["placed"], figures["placed_amount"]
        captured, refunded = figures["captured_amount"], figures["refunded_amount"]
        average = (2 * value + orders) // (2 * orders) if orders else None
        return cls(
            currency=currency,
            orders=Long(orders),
            order_value=money(value),
            average_order_value=None if average is None else money(average),
            captured=money(captured),
            refunds=Long(figures["refunds"]),
            refunded=money(refunded),
            net=money(captured - refunded),
            declines=Long(figures["declines"]),
            rejected=Long(figures["rejected"]),
            stock_outs=Long(figures["stock_outs"]),
            cancelled=Long(figures["cancelled"]),
            completed=Long(figures["completed"]),
            returns_requested=Long(figures["returns_requested"]),
            returns_lapsed=Long(figures["returns_lapsed"]),
            returned=Long(figures["returned"]),
            returned_whole=Long(figures["returned_whole"]),
        )


def _figures(found: ByCurrency) -> list[AnalyticsFigures]:
    return [AnalyticsFigures.of(currency, figures) for currency, figures in found.items()]


@strawberry.type(description="The time from `from` to before `to`.")
class AnalyticsBucket:
    from_: datetime = strawberry.field(name="from")
    to: datetime
    figures: list[AnalyticsFigures] = strawberry.field(
        description="One for each currency of the range, also where nothing happened."
    )

    @classmethod
    def of(cls, bucket: Bucket) -> Self:
        return cls(from_=bucket.start, to=bucket.end, figures=_figures(bucket.figures))


@strawberry.type(description="How often something happened for one reason.")
class AnalyticsReason:
    reason: str
    count: Long

    @classmethod
    def of(cls, counted: Counted) -> Self:
        return cls(reason=counted.value, count=Long(counted.count))


@strawberry.type(
    description="Durations in seconds. A percentile is the shortest one that this part of them does"
    " not exceed, and null where there are none."
)
class AnalyticsDurations:
    count: Long
    p50: float | None
    p90: float | None
    p99: float | None
    relative_error: float = strawberry.field(
        description="A percentile differs from the exact one by at most this part of it."
    )

    @classmethod
    def of(cls, durations: Durations) -> Self:
        return cls(
            count=Long(durations.count),
            p50=durations.percentile(50),
            p90=durations.percentile(90),
            p99=durations.percentile(99),
            relative_error=durations.relative_error,
        )


@strawberry.type(description="The orders that ended in one way, from their placement to the end.")
class AnalyticsSaga:
    outcome: SagaOutcome
    durations: AnalyticsDurations


@strawberry.type(description="What was ordered of a product, before cancellations and returns.")
class AnalyticsProduct:
    sku: str
    pieces: Long
    value: Money = strawberry.field(description="After discount and before tax.")

    @classmethod
    def of(cls, sales: ProductSales) -> Self:
        return cls(
            sku=sales.sku,
            pieces=Long(sales.pieces),
            value=Money(amount=Long(sales.amount), currency=sales.currency),
        )


@strawberry.type(description="A stage on the way of an order.")
class AnalyticsStage:
    stage: OrderStatus
    orders: Long = strawberry.field(
        description="The orders that were placed in the range and have come this far since."
    )


@strawberry.type(
    description="The figures of all orders over a range of time. Amounts of different currencies "
    "are never added up."
)
class Analytics:
    view: strawberry.Private[AnalyticsView]
    from_: datetime = strawberry.field(name="from")
    to: datetime
    time_zone: str
    grain: Grain
    position: Position = strawberry.field(
        description="The figures hold all events up to this position of the log."
    )

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long | None:
        return Long(self.position)

    @strawberry.field(description="One for each currency.")
    def totals(self) -> list[AnalyticsFigures]:
        return _figures(self.view.totals)

    @strawberry.field(
        description="The buckets of the range, also those in which nothing happened. Their borders"
        " are those of the time zone; the range cuts the first and the last one."
    )
    def over_time(self) -> list[AnalyticsBucket]:
        return [AnalyticsBucket.of(bucket) for bucket in self.view.buckets]

    @strawberry.field(description="The cancelled orders by reason, the most frequent first.")
    def cancellations(self) -> list[AnalyticsReason]:
        return [AnalyticsReason.of(counted) for counted in self.view.cancellations]

    @strawberry.field(description="The rejected orders by reason, the most frequent first.")
    def rejections(self) -> list[AnalyticsReason]:
        return [AnalyticsReason.of(counted) for counted in self.view.rejections]

    @strawberry.field(
        description="The declined attempts to pay by the provider's code, the most frequent first."
    )
    def declines(self) -> list[AnalyticsReason]:
        return [AnalyticsReason.of(counted) for counted in self.view.declines]

    @strawberry.field(
        description="How long orders waited for stock, until it was reserved or they were given up,"
        " for each product of an order. The currency does not restrict them."
    )
    def backorder_waits(self) -> AnalyticsDurations:
        return AnalyticsDurations.of(self.view.backorder_waits)

    @strawberry.field(description="The products that sold best by value, for each currency.")
    def top_products(self, first: TopFirst = DEFAULT_PRODUCTS) -> list[AnalyticsProduct]:
        if not 1 <= first <= MAX_SIZE:
            raise bad_input(f"first must be from 1 to {MAX_SIZE}")
        return [AnalyticsProduct.of(sales) for sales in self.view.top_products(first)]

    @strawberry.field(description="How far the orders that were placed in the range have come.")
    def funnel(self) -> list[AnalyticsStage]:
        return [
            AnalyticsStage(stage=stage, orders=Long(count)) for stage, count in self.view.funnel()
        ]

    @strawberry.field(description="The orders that ended in the range, by how they ended.")
    def sagas(self) -> list[AnalyticsSaga]:
        return [
            AnalyticsSaga(
                outcome=outcome, durations=AnalyticsDurations.of(self.view.sagas(outcome))
            )
            for outcome in SagaOutcome
        ]

    @classmethod
    def of(cls, view: AnalyticsView, request: AnalyticsRequest) -> Self:
        return cls(
            view=view,
            from_=request.range.start,
            to=request.range.end,
            time_zone=request.range.zone.key,
            grain=request.grain,
            position=Position(view.position),
        )
