"""The SQL of the process that leads an endpoint. All times are those of the database."""

from __future__ import annotations

from typing import Final

_STREAM_IS_DUE: Final = """
    NOT EXISTS (
        SELECT FROM eventstore.webhook_delivery AS earlier
        WHERE earlier.endpoint_id = d.endpoint_id AND earlier.stream_id = d.stream_id
        AND earlier.position <= d.position AND earlier.next_try_at > clock_timestamp()
    )
"""
"""An event waits for its own next attempt and for those of its stream before it."""

LOCK_MEMBERS: Final = "SELECT pg_advisory_xact_lock(7005, 0)"
"""One process at a time takes its share: each then sees what the others hold."""
SEEN: Final = """
    INSERT INTO eventstore.webhook_sender (member, seen_at) VALUES ($1, clock_timestamp())
    ON CONFLICT (member) DO UPDATE SET seen_at = excluded.seen_at
"""
REMOVE_SILENT: Final = """
    DELETE FROM eventstore.webhook_sender WHERE seen_at < clock_timestamp() - $1::interval
"""
LEAVE: Final = "DELETE FROM eventstore.webhook_sender WHERE member = $1"
SHARE: Final = """
    SELECT ceil(
        (SELECT count(*) FROM eventstore.webhook_endpoint WHERE disabled_at IS NULL)::numeric
        / (SELECT greatest(count(*), 1) FROM eventstore.webhook_sender)
    )::int
"""
RELEASE: Final = """
    UPDATE eventstore.webhook_endpoint SET sender = NULL
    WHERE sender = $1 AND (
        disabled_at IS NOT NULL
        OR id NOT IN (
            SELECT id FROM eventstore.webhook_endpoint
            WHERE sender = $1 AND disabled_at IS NULL ORDER BY number LIMIT $2
        )
    )
"""
CLAIM: Final = """
    UPDATE eventstore.webhook_endpoint SET sender = $1
    WHERE id IN (
        SELECT id FROM eventstore.webhook_endpoint
        WHERE sender IS NULL AND disabled_at IS NULL
        ORDER BY number
        LIMIT greatest(
            $2 - (SELECT count(*) FROM eventstore.webhook_endpoint WHERE sender = $1), 0
        )
    )
"""
LED: Final = f"""
    SELECT e.id, e.revision, EXISTS (
        SELECT FROM eventstore.webhook_delivery AS d
        WHERE d.endpoint_id = e.id AND (
            d.position = 0
            OR coalesce(e.paused_until <= clock_timestamp(), true) AND {_STREAM_IS_DUE}
        )
    ) AS is_due
    FROM eventstore.webhook_endpoint AS e
    WHERE e.sender = $1
"""  # noqa: S608 - our own text

ENDPOINT: Final = """
    SELECT e.id, e.url, e.patterns, e.revision, e.position, e.failures,
           clock_timestamp() - e.failing_since AS failing_for,
           coalesce(e.paused_until > clock_timestamp(), false) AS is_paused,
           eventstore.is_lost(e.position, e.event_id) AS is_lost,
           (SELECT count(*) FROM eventstore.webhook_delivery WHERE endpoint_id = e.id) AS waiting
    FROM eventstore.webhook_endpoint AS e
    WHERE e.id = $1 AND e.sender = $2 AND e.disabled_at IS NULL
"""
KEYS: Final = """
    SELECT id, sealed, master_key_id FROM eventstore.webhook_secret
    WHERE endpoint_id = $1 AND (expires_at IS NULL OR expires_at > clock_timestamp())
    ORDER BY created_at DESC
"""
DUE: Final = f"""
    SELECT d.event_id, d.stream_id, d.position, d.event_type, d.attempts, d.created_at,
           coalesce(clock_timestamp() - d.first_failed_at, interval '0') AS failing_for
    FROM eventstore.webhook_delivery AS d
    WHERE d.endpoint_id = $1 AND (d.position = 0 OR NOT $2 AND {_STREAM_IS_DUE})
    ORDER BY d.position, d.created_at
    LIMIT $3
"""  # noqa: S608 - our own text
WAITING_STREAMS: Final = """
    SELECT DISTINCT stream_id FROM eventstore.webhook_delivery
    WHERE endpoint_id = $1 AND stream_id = ANY($2)
"""
EVENTS: Final = """
    SELECT position, stream_id, version, event_id, type, schema_version,
           data::text, metadata::text, recorded_at
    FROM eventstore.event
    WHERE position = ANY($1)
"""

RECORD: Final = """
    UPDATE eventstore.webhook_endpoint AS e
    SET position = $4,
        event_id = CASE WHEN position = $4 THEN event_id ELSE eventstore.newest_event($4) END,
        failures = $5,
        failing_since = CASE WHEN $5 = 0 THEN NULL
                             WHEN $6 THEN clock_timestamp()
                             ELSE coalesce(failing_since, clock_timestamp()) END,
        paused_until = CASE WHEN $7::interval IS NULL THEN CASE WHEN $5 > 0 THEN paused_until END
                            ELSE clock_timestamp() + $7 END,
        disabled_cause = $8,
        disabled_at = CASE WHEN $8::text IS NOT NULL THEN clock_timestamp() END,
        outcomes = (
            SELECT coalesce(jsonb_object_agg(name, total), '{}')
            FROM (
                SELECT key AS name, sum(value::bigint) AS total
                FROM (
                    SELECT * FROM jsonb_each_text(e.outcomes)
                    UNION ALL SELECT * FROM jsonb_each_text($9::jsonb)
                ) AS counted
                GROUP BY key
            ) AS totals
        )
    WHERE id = $1 AND sender = $2 AND revision = $3 AND disabled_at IS NULL
    RETURNING id
"""
"""`$6` is true if the endpoint has delivered since the failures began."""
RETRY_ALL: Final = """
    UPDATE eventstore.webhook_delivery SET next_try_at = clock_timestamp()
    WHERE endpoint_id = $1 AND next_try_at > clock_timestamp()
"""
DONE: Final = (
    "DELETE FROM eventstore.webhook_delivery WHERE endpoint_id = $1 AND event_id = ANY($2)"
)
KEEP: Final = """
    INSERT INTO eventstore.webhook_delivery AS d
        (endpoint_id, event_id, stream_id, position, event_type, attempts, first_failed_at,
         next_try_at)
    SELECT $1, n.event_id, n.stream_id, n.position, n.event_type, n.failed::int,
           CASE WHEN n.failed THEN clock_timestamp() END, clock_timestamp() + n.pause
    FROM unnest($2::uuid[], $3::text[], $4::bigint[], $5::text[], $6::boolean[], $7::interval[])
         AS n (event_id, stream_id, position, event_type, failed, pause)
    ON CONFLICT (endpoint_id, event_id) DO UPDATE
    SET attempts = d.attempts + excluded.attempts,
        first_failed_at = coalesce(d.first_failed_at, excluded.first_failed_at),
        next_try_at = excluded.next_try_at
"""
LOG_ATTEMPTS: Final = """
    INSERT INTO eventstore.webhook_attempt
        (endpoint_id, event_id, event_type, position, at, duration, outcome, status)
    SELECT $1, n.* FROM unnest(
        $2::uuid[], $3::text[], $4::bigint[], $5::timestamptz[], $6::interval[], $7::text[],
        $8::int[]
    ) AS n
"""
PRUNE_ATTEMPTS: Final = """
    DELETE FROM eventstore.webhook_attempt
    WHERE endpoint_id = $1 AND id <= (
        SELECT id FROM eventstore.webhook_attempt
        WHERE endpoint_id = $1 ORDER BY id DESC OFFSET $2 LIMIT 1
    )
"""
