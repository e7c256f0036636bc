"""Page through the changes of a product's stock, with the figures after each."""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from typing import Final, Self

import strawberry

from api.connections import Connection, page_request
from api.context import Context
from api.scalars import Long
from domain.inventory.commands import AdjustmentReason
from queries import cursor
from queries.cursor import BadCursor
from queries.keyset import Page
from queries.stock_history import StockChange as StockChangeView
from queries.stock_history import StockChangeKind, StockHistoryRequest, StockKey

CURSOR_KIND: Final = "stock change"
# The version and the figures of a StockKey, each within PostgreSQL's bigint, and the SKU.
_KEY: Final = re.compile(r"([0-9]{1,18}):(-?[0-9]{1,18}):([0-9]{1,18}):(.*)", re.ASCII)

strawberry.enum(
    StockChangeKind,
    description="COMMITTED: reserved pieces have left with a parcel. RETURNED: pieces have come "
    "back. BACKORDER_QUEUED and BACKORDER_ENDED change no figure.",
)


@strawberry.type
class StockChange:
    kind: StockChangeKind
    quantity: Long = strawberry.field(
        description="Pieces; negative for an adjustment that takes pieces away."
    )
    order_id: strawberry.ID | None
    reason: AdjustmentReason | None = strawberry.field(description="The reason for an adjustment.")
    actor: str | None = strawberry.field(description="Null where it is not known.")
    at: datetime
    on_hand: Long = strawberry.field(description="`Stock.onHand` after the change.")
    reserved: Long = strawberry.field(description="`Stock.reserved` after the change.")
    available: Long = strawberry.field(description="`Stock.available` after the change.")

    @classmethod
    def of(cls, change: StockChangeView) -> Self:
        return cls(
            kind=change.kind,
            quantity=Long(change.quantity),
            order_id=None if change.order_id is None else strawberry.ID(change.order_id),
            reason=change.reason,
            actor=change.actor,
            at=change.at,
            on_hand=Long(change.figures.on_hand),
            reserved=Long(change.figures.reserved),
            available=Long(change.figures.available),
        )


@strawberry.type
class StockChangeConnection(Connection[StockChange]):
    @classmethod
    def of(cls, sku: str, page: Page[StockChangeView]) -> Self:
        cursors = [_cursor(sku, change.key) for change in page.items]
        nodes = [StockChange.of(change) for change in page.items]
        return cls.holding(page, cursors, nodes)


async def stock_history(
    sku: str, first: int | None, after: str | None, context: Context
) -> StockChangeConnection:
    page = page_request(first, after, None, None, partial(_key, sku))
    request = StockHistoryRequest(sku, page.size, page.after)
    return StockChangeConnection.of(sku, await context.stock_histories.load(request))


def _cursor(sku: str, key: StockKey) -> str:
    return cursor.encode(CURSOR_KIND, f"{key.version}:{key.on_hand}:{key.reserved}:{sku}")


def _key(sku: str, text: str) -> StockKey:
    """Return the key in a cursor. Raises BadCursor, also for a cursor of another product."""
    found = _KEY.fullmatch(cursor.decode(CURSOR_KIND, text))
    if found is None or found[4] != sku:
        raise BadCursor
    return StockKey(int(found[1]), int(found[2]), int(found[3]))
