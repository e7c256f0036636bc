"""The inline read models: changed in the transaction that appends their events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncConnection

from eventstore.envelope import StoredEvent
from projections import inventory, orders, payments, products, shipments

_PROJECTIONS: Final[dict[str, Callable[[Any, StoredEvent], Executable]]] = {
    "inventory": inventory.project,
    "order": orders.project,
    "payment": payments.project,
    "product": products.project,
    "shipment": shipments.project,
}
"""By the category of the stream."""


class InlineReadModels:
    """InlineProjection of every read model that a client may read right after its own write."""

    async def apply(self, connection: AsyncConnection, events: Sequence[StoredEvent]) -> None:
        for stored in events:
            project = _PROJECTIONS[stored.category]
            await connection.execute(project(stored.decode(), stored))
