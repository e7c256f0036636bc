"""The changes of a product in the catalogue, read from its stream in the log."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, get_args

from sqlalchemy.ext.asyncio import AsyncEngine

from domain.money import Money
from domain.product.decide import PRODUCT
from domain.product.events import (
    ProductDiscontinued,
    ProductEvent,
    ProductListed,
    ProductPriceChanged,
    ProductRenamed,
)
from eventstore.envelope import StoredEvent
from queries.keyset import Page
from queries.stream_pages import StreamRequest, newest_first


class ProductChangeKind(StrEnum):
    LISTED = "LISTED"
    RENAMED = "RENAMED"
    PRICE_CHANGED = "PRICE_CHANGED"
    DISCONTINUED = "DISCONTINUED"


@dataclass(frozen=True, slots=True)
class ProductChange:
    """`name` and `price` are None where the change does not set them."""

    version: int
    kind: ProductChangeKind
    name: str | None
    price: Money | None
    actor: str | None
    at: datetime


_KINDS: Final[dict[type[ProductEvent], ProductChangeKind]] = {
    ProductListed: ProductChangeKind.LISTED,
    ProductRenamed: ProductChangeKind.RENAMED,
    ProductPriceChanged: ProductChangeKind.PRICE_CHANGED,
    ProductDiscontinued: ProductChangeKind.DISCONTINUED,
}
_TYPES: Final = [event.__name__ for event in get_args(ProductEvent)]


class ProductHistoryQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def page(self, sku: str, size: int, before: int | None = None) -> Page[ProductChange]:
        """Return the changes before the event of this version, the newest first."""
        request = StreamRequest(PRODUCT.stream(sku), size, before)
        async with self._engine.connect() as connection:
            [page] = await newest_first(connection, [request], _TYPES)
        return page.of(_change)


def _change(stored: StoredEvent) -> ProductChange:
    event = stored.decode()
    assert isinstance(event, ProductEvent)  # noqa: S101 - of _TYPES
    return ProductChange(
        version=stored.version,
        kind=_KINDS[type(event)],
        name=event.name if isinstance(event, ProductListed | ProductRenamed) else None,
        price=event.price if isinstance(event, ProductListed | ProductPriceChanged) else None,
        actor=stored.metadata.actor,
        at=stored.recorded_at,
    )
