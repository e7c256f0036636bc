"""The prices that a product has had, read from its stream in the log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.money import Money
from domain.product.decide import PRODUCT
from domain.product.events import ProductListed, ProductPriceChanged
from eventstore.envelope import StoredEvent
from queries.keyset import Page

# Each request reads the newest events of one stream backwards, by the index of its versions.
_NEWEST_PRICES: Final = text("""
    SELECT request.number, e.position, e.stream_id, e.version, e.event_id, e.type,
           e.schema_version, e.data::text, e.metadata::text, e.recorded_at
    FROM unnest(
             CAST(:streams AS text[]), CAST(:befores AS bigint[]), CAST(:sizes AS int[])
         ) WITH ORDINALITY AS request (stream, before, size, number)
    CROSS JOIN LATERAL (
        SELECT * FROM eventstore.event
        WHERE stream_id = request.stream AND version < request.before AND type = ANY(:types)
        ORDER BY version DESC
        LIMIT request.size + 1
    ) AS e
    ORDER BY request.number, e.version DESC
""")
_TYPES: Final = [ProductListed.__name__, ProductPriceChanged.__name__]
_NEWEST: Final = 2**62
"""A version above those of all events."""


class PriceHistoryRequest(NamedTuple):
    """`size` prices of a product that were set before the event of this version, if it is given."""

    sku: str
    size: int
    before: int | None = None


@dataclass(frozen=True, slots=True)
class PriceView:
    """A price from its time on. `actor` is None when it is not known."""

    version: int
    price: Money
    since: datetime
    actor: str | None


class PriceHistoryQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def pages(self, requests: Sequence[PriceHistoryRequest]) -> list[Page[PriceView]]:
        """Return a page for each request, the newest price first, in one statement for all."""
        asked = {
            "streams": [PRODUCT.stream(request.sku) for request in requests],
            "befores": [request.before or _NEWEST for request in requests],
            "sizes": [request.size for request in requests],
            "types": _TYPES,
        }
        found: defaultdict[int, list[PriceView]] = defaultdict(list)
        async with self._engine.connect() as connection:
            for number, *row in await connection.execute(_NEWEST_PRICES, asked):
                found[number].append(_price(StoredEvent(*row)))
        return [
            Page(
                found[number][: request.size],
                has_next=len(found[number]) > request.size,
                has_previous=request.before is not None,
            )
            for number, request in enumerate(requests, start=1)
        ]


def _price(stored: StoredEvent) -> PriceView:
    event = stored.decode()
    assert isinstance(event, ProductListed | ProductPriceChanged)  # noqa: S101 - of _TYPES
    return PriceView(stored.version, event.price, stored.recorded_at, stored.metadata.actor)
