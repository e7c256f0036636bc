"""Say what needs an operator, as PostgreSQL holds it now: the causes of notices.

A cause has a key that stays the same for as long as it lasts. No part of a cause holds personal
data: of a fault it names the code or the type, and never the message.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from notifications.follower import checkpoint_of
from notifications.outbox import Channel
from projections.registry import READ_MODELS


class CauseKind(StrEnum):
    PARKED_SAGA = "parked_saga"
    """The subject is the order's id."""
    DISCREPANCY = "discrepancy"
    """The subject is the order's id."""
    DEAD_LETTERS = "dead_letters"
    """The subject is the consumer group: one cause for all of its dead letters."""
    STOPPED_PROJECTION = "stopped_projection"
    """The subject is the projection, which a fault has stopped."""
    PARKED_STREAMS = "parked_streams"
    """The subject is the projection, or the channel of notifications, that has parked streams."""


OF_ORDERS: Final = (CauseKind.PARKED_SAGA, CauseKind.DISCREPANCY)

FOLLOWERS: Final = {
    **{model.checkpoint: model.name for model in READ_MODELS if model.checkpoint is not None},
    **{checkpoint_of(channel): checkpoint_of(channel) for channel in Channel},
}
"""The name that operators see of each follower that may park streams, by its checkpoint."""

# $1 and $2 are the checkpoints and the names of FOLLOWERS. The first word of a fault is its type.
CAUSES: Final = f"""
    SELECT key COLLATE "C" AS key, kind, subject COLLATE "C" AS subject, detail, since
    FROM (
        SELECT 'saga:' || order_id || ':' || step AS key, '{CauseKind.PARKED_SAGA}' AS kind,
               order_id AS subject, step || ': ' || code AS detail, parked_at AS since
        FROM readmodel.parked_step
        UNION ALL
        SELECT 'discrepancy:' || order_id || ':' || system, '{CauseKind.DISCREPANCY}',
               order_id, system, found_at
        FROM readmodel.saga_discrepancy
        WHERE accepted_at IS NULL
        UNION ALL
        SELECT 'dead-letters:' || group_name, '{CauseKind.DEAD_LETTERS}',
               group_name, count(*)::text, min(last_failed_at)
        FROM eventstore.dead_letter
        WHERE state = 'dead'
        GROUP BY group_name
        UNION ALL
        SELECT 'projection:' || name, '{CauseKind.STOPPED_PROJECTION}',
               name, split_part(fault, ':', 1), NULL
        FROM eventstore.projection
        WHERE fault IS NOT NULL
        UNION ALL
        SELECT 'parked-streams:' || f.name, '{CauseKind.PARKED_STREAMS}',
               f.name,
               format('%s (%s)', count(DISTINCT e.stream_id), split_part(max(e.cause), ':', 1)),
               min(e.parked_at)
        FROM eventstore.parked_event AS e
        JOIN unnest($1::text[], $2::text[]) AS f (checkpoint, name) ON f.checkpoint = e.projection
        WHERE e.cause IS NOT NULL
        GROUP BY f.name
    ) AS cause
"""  # noqa: S608 - our own words
