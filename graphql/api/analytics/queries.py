from __future__ import annotations

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
from api.context import Info
from queries.analytics_time import Grain


@strawberry.type
class AnalyticsQuery:
    @strawberry.field(
        description="For operators: the figures of all orders over a range of time. They follow the"
        " log by less than a second."
    )
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
