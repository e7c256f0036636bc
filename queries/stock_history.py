"""The changes of a product's stock with the figures after each, read from its stream in the log.

A page is read from the newest event backwards. The figures after its first event are those of the
read model, or those that the cursor carries. Each event takes them back to the event before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple, get_args

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from domain.inventory import events as e
from domain.inventory.commands import AdjustmentReason
from domain.inventory.decide import INVENTORY
from eventstore.envelope import StoredEvent
from projections.tables import inventory_view
from queries.keyset import Page
from queries.stream_pages import StreamRequest, newest_first


class StockChangeKind(StrEnum):
    RECEIVED = "RECEIVED"
    ADJUSTED = "ADJUSTED"
    RESERVED = "RESERVED"
    RELEASED = "RELEASED"
    COMMITTED = "COMMITTED"
    RETURNED = "RETURNED"
    BACKORDER_QUEUED = "BACKORDER_QUEUED"
    BACKORDER_ENDED = "BACKORDER_ENDED"


class Figures(NamedTuple):
    on_hand: int = 0
    reserved: int = 0

    @property
    def available(self) -> int:
        return self.on_hand - self.reserved

    def without(self, change: Figures) -> Figures:
        return Figures(self.on_hand - change.on_hand, self.reserved - change.reserved)


class StockKey(NamedTuple):
    """A row of the history: the version of its event, and the figures before that event."""

    version: int
    on_hand: int
    reserved: int

    @property
    def before(self) -> Figures:
        return Figures(self.on_hand, self.reserved)


class StockHistoryRequest(NamedTuple):
    """`size` changes of a product's stock before this one, if it is given."""

    sku: str
    size: int
    after: StockKey | None = None


@dataclass(frozen=True, slots=True)
class StockChange:
    """`quantity` counts pieces; it is negative for an adjustment that takes pieces away."""

    key: StockKey
    kind: StockChangeKind
    quantity: int
    order_id: str | None
    reason: AdjustmentReason | None
    actor: str | None
    at: datetime
    figures: Figures
    """The figures after the change."""


_KINDS: Final[Mapping[type[e.InventoryEvent], tuple[StockChangeKind, Figures]]] = {
    e.StockReceived: (StockChangeKind.RECEIVED, Figures(on_hand=1)),
    e.StockAdjusted: (StockChangeKind.ADJUSTED, Figures(on_hand=1)),
    e.InventoryReserved: (StockChangeKind.RESERVED, Figures(reserved=1)),
    e.InventoryReleased: (StockChangeKind.RELEASED, Figures(reserved=-1)),
    e.InventoryCommitted: (StockChangeKind.COMMITTED, Figures(on_hand=-1, reserved=-1)),
    e.StockReturned: (StockChangeKind.RETURNED, Figures(on_hand=1)),
    e.BackorderQueued: (StockChangeKind.BACKORDER_QUEUED, Figures()),
    e.BackorderEnded: (StockChangeKind.BACKORDER_ENDED, Figures()),
}
"""The kind of each event, and how the figures change for each of its pieces."""

_TYPES: Final = [event.__name__ for event in get_args(e.InventoryEvent)]


class StockHistoryQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        # The figures and the events have to belong to one snapshot.
        self._engine = engine.execution_options(isolation_level="REPEATABLE READ")

    async def pages(self, requests: Sequence[StockHistoryRequest]) -> list[Page[StockChange]]:
        """Return a page for each request, the newest change first, in two statements for all."""
        asked = [
            StreamRequest(INVENTORY.stream(r.sku), r.size, r.after and r.after.version)
            for r in requests
        ]
        async with self._engine.connect() as connection:
            today = await _figures(connection, [r.sku for r in requests])
            pages = await newest_first(connection, asked, _TYPES)
        return [
            Page(
                list(_changes(page.items, r.after.before if r.after else today.get(r.sku))),
                page.has_next,
                page.has_previous,
            )
            for r, page in zip(requests, pages, strict=True)
        ]


async def _figures(connection: AsyncConnection, skus: Sequence[str]) -> dict[str, Figures]:
    view = inventory_view.c
    statement = select(view.sku, view.on_hand, view.reserved).where(view.sku.in_(set(skus)))
    return {sku: Figures(*figures) for sku, *figures in await connection.execute(statement)}


def _changes(events: Sequence[StoredEvent], figures: Figures | None) -> Iterator[StockChange]:
    """Yield the changes. Only backorders come before the first figures of a product."""
    after = figures or Figures()
    for stored in events:
        event = stored.decode()
        assert isinstance(event, e.InventoryEvent)  # noqa: S101 - of _TYPES
        kind, each = _KINDS[type(event)]
        quantity = event.difference if isinstance(event, e.StockAdjusted) else event.quantity
        change = Figures(each.on_hand * quantity, each.reserved * quantity)
        before = after.without(change)
        yield StockChange(
            key=StockKey(stored.version, *before),
            kind=kind,
            quantity=quantity,
            order_id=getattr(event, "order_id", None),
            reason=event.reason if isinstance(event, e.StockAdjusted) else None,
            actor=stored.metadata.actor,
            at=stored.recorded_at,
            figures=after,
        )
        after = before
