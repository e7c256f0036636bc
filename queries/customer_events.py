"""Find the events of a customer's orders that may be notified of, up to a position of the log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.inventory.events import BackorderQueued
from eventstore.envelope import StoredEvent
from notifications.facts import TYPES

PAGE: Final = 200

_COLUMNS: Final = """
    position, stream_id, version, event_id, type, schema_version, data::text, metadata::text,
    recorded_at
"""
# An order is queued between its first event and its second one, in the streams of its products. The
# search goes forward from the first event, and ends at the first match.
_FIRST_BACKORDER: Final = f"""
    SELECT queued.*
    FROM theirs AS o
    JOIN eventstore.event AS placed ON placed.stream_id = 'order-' || o.order_id
        AND placed.version = 1
    LEFT JOIN eventstore.event AS second ON second.stream_id = 'order-' || o.order_id
        AND second.version = 2
    CROSS JOIN LATERAL (
        SELECT * FROM eventstore.event AS e
        WHERE e.position > placed.position
          AND e.position < coalesce(second.position, CAST(:until AS bigint) + 1)
          AND e.type = '{BackorderQueued.__name__}' AND e.data ->> 'order_id' = o.order_id
        ORDER BY e.position
        LIMIT 1
    ) AS queued
    WHERE coalesce(second.position, CAST(:until AS bigint) + 1) > :after
      AND queued.position > :after AND queued.position <= :until
"""  # noqa: S608 - our own words


def _of_customer(direction: str) -> TextClause:
    return text(f"""
        WITH theirs AS MATERIALIZED (
            SELECT order_id FROM readmodel.order_view WHERE customer_id = :customer
        ),
        found AS (
            SELECT e.*
            FROM theirs AS o
            JOIN eventstore.event AS e ON e.stream_id IN (
                'order-' || o.order_id, 'payment-' || o.order_id, 'saga-' || o.order_id
            )
            WHERE e.type = ANY (:types) AND e.position > :after AND e.position <= :until
            UNION ALL
            {_FIRST_BACKORDER}
        )
        SELECT {_COLUMNS} FROM found ORDER BY position {direction} LIMIT :limit
    """)  # noqa: S608 - our own words


_FORWARD: Final = _of_customer("ASC")
_BACKWARD: Final = _of_customer("DESC")
_BACKORDER: Final = text(f"""
    WITH theirs AS (SELECT CAST(:order AS text) AS order_id)
    SELECT position FROM ({_FIRST_BACKORDER}) AS queued
""")  # noqa: S608 - our own words
_CUSTOMERS: Final = text("""
    SELECT order_id, customer_id FROM readmodel.order_view WHERE order_id = ANY (:orders)
""")


class CustomerEvents:
    """Reads the events of TYPES, and of `BackorderQueued` the first one of each order."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def after(self, customer_id: str, after: int, until: int) -> Sequence[StoredEvent]:
        """Return the next events above `after` and up to `until`, the oldest first."""
        return await self._found(_FORWARD, customer_id, after, until)

    async def before(self, customer_id: str, until: int) -> Sequence[StoredEvent]:
        """Return the last events up to `until`, the newest first."""
        return await self._found(_BACKWARD, customer_id, 0, until)

    async def _found(
        self, statement: TextClause, customer_id: str, after: int, until: int
    ) -> Sequence[StoredEvent]:
        asked = {
            "customer": customer_id,
            "after": after,
            "until": until,
            "types": sorted(TYPES),
            "limit": PAGE,
        }
        async with self._engine.connect() as connection:
            return [StoredEvent(*row) for row in await connection.execute(statement, asked)]

    async def is_first_backorder(self, order_id: str, position: int) -> bool:
        """Return whether the order was queued here for the first time, and had not moved on."""
        asked = {"order": order_id, "after": 0, "until": position}
        async with self._engine.connect() as connection:
            found = (await connection.execute(_BACKORDER, asked)).scalar_one_or_none()
        return bool(found == position)

    async def customers(self, page: Sequence[StoredEvent]) -> Sequence[str]:
        """Return the customer of each of these events of TYPES; '' for an order that is unknown."""
        orders = [str(event.data.get("order_id", "")) for event in page]
        known = await self._customers_of(orders)
        return [known.get(order_id, "") for order_id in orders]

    async def _customers_of(self, orders: Sequence[str]) -> Mapping[str, str]:
        asked = {"orders": sorted(set(orders))}
        async with self._engine.connect() as connection:
            rows = await connection.execute(_CUSTOMERS, asked)
            return {row.order_id: row.customer_id for row in rows}
