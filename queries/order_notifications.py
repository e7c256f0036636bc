"""The notifications of orders and what became of each, without their recipients."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from notifications.facts import Notice
from notifications.outbox import Channel, State

_NOTIFICATIONS: Final = text("""
    SELECT id, order_id, kind, channel, state, attempts, cause, created_at, ended_at
    FROM eventstore.notification
    WHERE order_id = ANY (:orders)
    ORDER BY order_id, position, channel, id
""")


@dataclass(frozen=True, slots=True)
class NotificationView:
    id: UUID
    kind: Notice
    channel: Channel
    state: State
    attempts: int
    cause: str | None
    """A code, which never holds an address."""
    created_at: datetime
    ended_at: datetime | None
    """The time at which its state became final; None while it is still to be sent."""


class OrderNotificationQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def of_orders(self, order_ids: Sequence[str]) -> Mapping[str, Sequence[NotificationView]]:
        """Return the notifications of these orders in one statement, by their events' positions."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(_NOTIFICATIONS, {"orders": list(order_ids)})
        found: defaultdict[str, list[NotificationView]] = defaultdict(list)
        for row in rows:
            found[row.order_id].append(
                NotificationView(
                    id=row.id,
                    kind=Notice(row.kind),
                    channel=Channel(row.channel),
                    state=State(row.state),
                    attempts=row.attempts,
                    cause=row.cause,
                    created_at=row.created_at,
                    ended_at=row.ended_at,
                )
            )
        return found
