"""Open a notice for each new cause, and close it when the cause is gone."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final, NamedTuple

from kit.pool import Connection
from notifications.operators.causes import CAUSES, FOLLOWERS, OF_ORDERS

KEEP: Final = timedelta(days=30)
"""The time that a closed notice is kept."""

# All parts see the tables as they were before the statement. A cause that returns soon opens its
# last notice again. Its acknowledgement was of an earlier occurrence, so it ends, and the notice
# may be reminded of from now on.
_COMPARE: Final = f"""
    WITH cause AS MATERIALIZED ({CAUSES}),
    closed AS (
        UPDATE eventstore.operator_notice AS n
        SET closed_at = clock_timestamp()
        WHERE n.closed_at IS NULL AND NOT EXISTS (SELECT FROM cause WHERE cause.key = n.key)
        RETURNING 1
    ),
    changed AS (
        UPDATE eventstore.operator_notice AS n
        SET detail = cause.detail
        FROM cause
        WHERE n.key = cause.key AND n.closed_at IS NULL AND n.detail <> cause.detail
    ),
    fresh AS MATERIALIZED (
        SELECT cause.*, last.id AS last_id, last.acknowledged_at IS NOT NULL AS was_acknowledged
        FROM cause
        LEFT JOIN LATERAL (
            SELECT id, acknowledged_at FROM eventstore.operator_notice AS n
            WHERE n.key = cause.key AND n.closed_at > clock_timestamp() - $3::interval
            ORDER BY n.closed_at DESC
            LIMIT 1
        ) AS last ON true
        WHERE NOT EXISTS (
            SELECT FROM eventstore.operator_notice AS n
            WHERE n.key = cause.key AND n.closed_at IS NULL
        )
    ),
    reopened AS (
        UPDATE eventstore.operator_notice AS n
        SET closed_at = NULL, detail = fresh.detail,
            since = coalesce(fresh.since, clock_timestamp()),
            waiting_since =
                CASE WHEN fresh.was_acknowledged THEN clock_timestamp() ELSE n.waiting_since END,
            acknowledged_at = NULL, acknowledged_by = NULL, note = NULL
        FROM fresh
        WHERE n.id = fresh.last_id
        RETURNING 1
    ),
    forgotten AS (
        DELETE FROM eventstore.operator_notice_message AS m
        USING fresh
        WHERE m.notice_id = fresh.last_id AND fresh.was_acknowledged AND m.occasion = 'reminder'
    ),
    opened AS (
        INSERT INTO eventstore.operator_notice
            (key, kind, subject, order_number, detail, since)
        SELECT fresh.key, fresh.kind, fresh.subject, o.number, fresh.detail,
               coalesce(fresh.since, clock_timestamp())
        FROM fresh
        LEFT JOIN readmodel.order_view AS o
            ON fresh.kind = ANY ($4::text[]) AND o.order_id = fresh.subject
        WHERE fresh.last_id IS NULL
        ORDER BY fresh.since, fresh.key
        ON CONFLICT DO NOTHING
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM opened), (SELECT count(*) FROM reopened),
           (SELECT count(*) FROM closed)
"""  # noqa: S608 - our own words
_PRUNE: Final = """
    DELETE FROM eventstore.operator_notice WHERE id IN (
        SELECT id FROM eventstore.operator_notice
        WHERE closed_at < clock_timestamp() - $1::interval
        LIMIT 1000
    )
"""

logger = logging.getLogger(__name__)


class Changes(NamedTuple):
    """The number of notices that one comparison has changed."""

    opened: int
    reopened: int
    closed: int


async def compare(connection: Connection, flap_window: timedelta) -> Changes:
    """Let the open notices be those of the causes that there are now."""
    names = (list(FOLLOWERS), list(FOLLOWERS.values()))
    [counts] = await connection.fetch(_COMPARE, *names, flap_window, [*map(str, OF_ORDERS)])
    changes = Changes(*counts)
    if any(changes):
        logger.info("operator notices: %d opened, %d opened again, %d closed", *changes)
    return changes


async def prune(connection: Connection) -> None:
    """Delete some of the notices that have been closed for long."""
    await connection.execute(_PRUNE, KEEP)
