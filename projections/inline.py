"""The inline read models: changed in the transaction that appends their events."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

from eventstore.envelope import StoredEvent
from kit.pool import Connection
from projections import customers, inventory, orders, payments, products, sagas, shipping
from projections.change import Change

_PROJECTIONS: Final[dict[str, Callable[[Any, StoredEvent], Change | None]]] = {
    "customer": customers.project,
    "inventory": inventory.project,
    "order": orders.project,
    "payment": payments.project,
    "product": products.project,
    "saga": sagas.project,
    "shipment": shipping.project,
}
"""By the category of the stream."""


class InlineReadModels:
    """InlineProjection of every read model that a client may read right after its own write."""

    async def apply(self, connection: Connection, events: Sequence[StoredEvent]) -> None:
        for stored in events:
            project = _PROJECTIONS[stored.category]
            change = project(stored.decode(), stored)
            if change is not None:
                await connection.execute(change.sql, *change.arguments)
