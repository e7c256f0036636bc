"""Write a row for each push subscription that a customer had when a fact was recorded."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from kit.pool import Connection
from notifications.outbox import MAX_AGE, Channel, Row, State, notification_id, transposed
from notifications.push.subscriptions import recipient_of

# The customer is read from the order's first event: most events name only the order.
_SUBSCRIPTIONS: Final = """
    SELECT n.number, s.id
    FROM unnest($1::text[], $2::timestamptz[]) WITH ORDINALITY
        AS n (order_id, recorded_at, number)
    JOIN eventstore.event AS o ON o.stream_id = 'order-' || n.order_id AND o.version = 1
    JOIN eventstore.push_subscription AS s
        ON s.customer_id = o.data ->> 'customer_id' AND s.created_at <= n.recorded_at
    ORDER BY n.number, s.created_at, s.id
"""
# A subscription may have been dropped since it was read; its row then has no recipient.
_WRITE: Final = f"""
    INSERT INTO eventstore.notification
        (id, event_id, position, recipient, channel, kind, order_id, state, due_at, ended_at)
    SELECT n.id, n.event_id, n.position, n.recipient, '{Channel.PUSH}', n.kind, n.order_id,
           CASE WHEN a.is_old THEN '{State.OUTDATED}' ELSE '{State.PENDING}' END,
           CASE WHEN NOT a.is_old THEN greatest(clock_timestamp(), s.paused_until) END,
           CASE WHEN a.is_old THEN clock_timestamp() END
    FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::uuid[], $6::text[],
                $7::text[], $8::timestamptz[])
        AS n (id, event_id, position, recipient, subscription_id, kind, order_id, recorded_at)
    LEFT JOIN eventstore.push_subscription AS s ON s.id = n.subscription_id
    CROSS JOIN LATERAL (SELECT n.recorded_at < clock_timestamp() - $9::interval AS is_old) AS a
    ORDER BY n.position
    ON CONFLICT DO NOTHING
"""  # noqa: S608 - our own words


async def write_push(connection: Connection, rows: Sequence[Row]) -> None:
    """Write the rows that do not exist yet, in the transaction of the caller."""
    orders = [row.order_id for row in rows]
    times = [row.stored.recorded_at for row in rows]
    found = await connection.fetch(_SUBSCRIPTIONS, orders, times)
    columns = []
    for number, subscription_id in found:
        row, recipient = rows[number - 1], recipient_of(subscription_id)
        event_id = row.stored.event_id
        columns.append(
            (
                notification_id(event_id, recipient, Channel.PUSH),
                event_id,
                row.stored.position,
                recipient,
                subscription_id,
                str(row.kind),
                row.order_id,
                row.stored.recorded_at,
            )
        )
    if columns:
        await connection.execute(_WRITE, *transposed(columns), MAX_AGE)
