"""Page through the prices that a product has had.

The history is public: each of its prices has been public, and shops that announce a reduction have
to name an earlier price (EU Directive 98/6/EC, article 6a). The actor of a change is for staff.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Final, Self

import strawberry

from api.connections import Connection, page_request
from api.context import Context
from api.money import Money
from queries import cursor
from queries.cursor import BadCursor
from queries.keyset import Page
from queries.price_history import PriceHistoryRequest, PriceView

CURSOR_KIND: Final = "price"
MAX_DIGITS: Final = 18
"""Every number of this many digits fits into PostgreSQL's bigint."""


@strawberry.type
class PriceEntry:
    price: Money
    since: datetime = strawberry.field(description="The time from which the price applied.")
    actor: str | None = strawberry.field(description="The actor who set the price.")

    @classmethod
    def of(cls, price: PriceView) -> Self:
        return cls(price=Money.of(price.price), since=price.since, actor=price.actor)


@strawberry.type
class PriceConnection(Connection[PriceEntry]):
    @classmethod
    def of(cls, sku: str, page: Page[PriceView]) -> Self:
        cursors = [cursor.encode(CURSOR_KIND, f"{price.version}:{sku}") for price in page.items]
        nodes = [PriceEntry.of(price) for price in page.items]
        return cls.holding(page, cursors, nodes)


async def price_history(
    sku: str, first: int | None, after: str | None, context: Context
) -> PriceConnection:
    page = page_request(first, after, None, None, partial(version_in, CURSOR_KIND, sku))
    request = PriceHistoryRequest(sku, page.size, page.after)
    return PriceConnection.of(sku, await context.price_histories.load(request))


def version_in(kind: str, sku: str, text: str) -> int:
    """Return the version in a cursor. Raises BadCursor, also for a cursor of another product."""
    version, _, of_sku = cursor.decode(kind, text).partition(":")
    if of_sku != sku or not version.isdecimal() or len(version) > MAX_DIGITS:
        raise BadCursor
    return int(version)
