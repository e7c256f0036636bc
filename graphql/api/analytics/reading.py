"""Read the analytics that a selection asks for, and nothing more."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Annotated, Final

import strawberry
from strawberry.types.nodes import SelectedField, Selection

from api.analytics.types import Analytics
from api.context import Info
from api.errors import bad_input
from queries.analytics import AnalyticsRequest, Section
from queries.analytics_time import AnalyticsRange, BadRange, Grain

From = Annotated[
    datetime,
    strawberry.argument(name="from", description="A full quarter of an hour, with a time zone."),
]
To = Annotated[
    datetime,
    strawberry.argument(description="The end, which the range does not include. It may be future."),
]
TimeZone = Annotated[
    str,
    strawberry.argument(
        description="The zone of the days of `overTime`, of the IANA database: Europe/Zurich."
    ),
]
OverTimeGrain = Annotated[
    Grain, strawberry.argument(description="The length of the buckets of `overTime`.")
]
OfCurrency = Annotated[
    str | None,
    strawberry.argument(description="Only orders of this currency, an ISO 4217 code."),
]

_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_SECTIONS: Final = {
    "totals": Section.TOTALS,
    "funnel": Section.TOTALS,
    "overTime": Section.OVER_TIME,
    "cancellations": Section.REASONS,
    "rejections": Section.REASONS,
    "declines": Section.REASONS,
    "topProducts": Section.PRODUCTS,
    "backorderWaits": Section.DURATIONS,
    "sagas": Section.DURATIONS,
}


async def read_analytics(  # noqa: PLR0913, PLR0917 - the arguments of the field
    info: Info, start: datetime, end: datetime, zone: str, grain: Grain, currency: str | None
) -> Analytics:
    """Raises BAD_USER_INPUT, which names the argument, before anything is read."""
    if currency is not None and not _CURRENCY.fullmatch(currency):
        raise bad_input("currency: pass a code of three capital letters, such as EUR")
    try:
        asked = AnalyticsRange.of(start, end, zone)
        request = AnalyticsRequest(asked, grain, currency, frozenset(_sections(info)))
        view = await info.context.services.analytics.read(request)
    except BadRange as error:
        raise bad_input(str(error)) from None
    return Analytics.of(view, request)


def _sections(info: Info) -> Iterator[Section]:
    for field in info.selected_fields:
        for name in _names(field.selections):
            if section := _SECTIONS.get(name):
                yield section


def _names(selections: Iterable[Selection]) -> Iterator[str]:
    """Yield the names of the selected fields, those of fragments included."""
    for selection in selections:
        if isinstance(selection, SelectedField):
            yield selection.name
        else:
            yield from _names(selection.selections)
