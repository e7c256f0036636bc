from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import strawberry

from api.analytics.reading import (
    From,
    OfCurrency,
    OverTimeGrain,
    TimeZone,
    To,
    read_analytics,
)
from api.analytics.types import Analytics
from api.auth import Viewer
from api.context import Info
from api.payload import POSITION_NUMBER
from api.scalars import Long, Position
from queries.analytics_ticks import Tick
from queries.analytics_time import Grain


@strawberry.type(description="The analytics have changed.")
class AnalyticsTick:
    position: Position = strawberry.field(
        description="The position of the last event that changed them."
    )
    source: strawberry.Private[Tick]

    @strawberry.field(description=POSITION_NUMBER)
    def position_number(self) -> Long | None:
        return Long(self.position)

    @strawberry.field(description="The figures after the change, or after a later one.")
    async def analytics(  # noqa: PLR0913, PLR0917 - the arguments of the field
        self,
        info: Info,
        from_: From,
        to: To,
        time_zone: TimeZone = "UTC",
        grain: OverTimeGrain = Grain.DAY,
        currency: OfCurrency = None,
    ) -> Analytics:
        return await read_analytics(info, from_, to, time_zone, grain, currency)

    def shared_by(self, viewer: Viewer) -> tuple[int, object]:
        return id(self.source), viewer.role


@strawberry.type
class AnalyticsSubscription:
    @strawberry.subscription(
        description="For operators: a tick now, and one at each change of the analytics, at most"
        " one a second. A slow client gets the newest one alone."
    )
    async def analytics(self, info: Info) -> AsyncGenerator[AnalyticsTick, None]:
        async with aclosing(info.context.services.analytics_ticks.follow()) as ticks:
            async for tick in ticks:
                yield AnalyticsTick(position=Position(tick.position), source=tick)
