"""The prices that a product has had, read from its stream in the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from domain.money import Money
from domain.product.decide import PRODUCT
from domain.product.events import ProductListed, ProductPriceChanged
from eventstore.envelope import StoredEvent
from queries.keyset import Page
from queries.stream_pages import StreamRequest, newest_first

_TYPES: Final = (ProductListed.__name__, ProductPriceChanged.__name__)


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
        asked = [
            StreamRequest(PRODUCT.stream(request.sku), request.size, request.before)
            for request in requests
        ]
        async with self._engine.connect() as connection:
            pages = await newest_first(connection, asked, _TYPES)
        return [page.of(_price) for page in pages]


def _price(stored: StoredEvent) -> PriceView:
    event = stored.decode()
    assert isinstance(event, ProductListed | ProductPriceChanged)  # noqa: S101 - of _TYPES
    return PriceView(stored.version, event.price, stored.recorded_at, stored.metadata.actor)
