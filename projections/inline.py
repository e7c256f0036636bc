"""The inline read models: changed in the transaction that appends their events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from domain.registry import AGGREGATES
from eventstore.envelope import StoredEvent
from kit.pool import Connection
from projections import inventory, key_erasure, notes, orders, payments, products, sagas, shipping
from projections.change import Change, Projection

PROJECTIONS: Final[Mapping[str, Sequence[Projection]]] = {
    "customer": [key_erasure.project],
    "inventory": [inventory.project],
    "note": [notes.project],
    "order": [orders.project],
    "payment": [payments.project],
    "product": [products.project],
    "saga": [sagas.project],
    "shipment": [shipping.project],
}
"""The projections by the category of the stream, in the order in which they are applied."""


class MissingProjection(Exception):
    """A category of streams has no entry in PROJECTIONS; without read models, add an empty one."""


class InlineReadModels:
    """The InlineProjection of every read model that a client may read right after its own write.

    Raises MissingProjection.
    """

    def __init__(self, projections: Mapping[str, Sequence[Projection]] = PROJECTIONS) -> None:
        categories = {aggregate.category for aggregate in AGGREGATES.values()}
        if missing := categories - projections.keys():
            raise MissingProjection(
                f"no projections for streams of {', '.join(sorted(missing))}: "
                "add them to PROJECTIONS in projections/inline.py"
            )
        self._projections = projections

    async def apply(self, connection: Connection, events: Sequence[StoredEvent]) -> None:
        for stored in events:
            for change in self.changes(stored):
                await connection.execute(change.sql, *change.arguments)

    def changes(self, stored: StoredEvent) -> Iterator[Change]:
        """Yield the changes that this event makes, in order."""
        event = stored.decode()
        for project in self._projections[stored.category]:
            yield from project(event, stored)
