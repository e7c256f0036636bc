"""The SQL that the store sends. The rules are in sql/; these lines only call and read."""

from __future__ import annotations

from typing import Final

APPEND_EVENT: Final = (
    "SELECT version, position, recorded_at FROM eventstore.append_event($1, $2, $3, $4, $5, $6, $7)"
)
APPEND: Final = (
    "SELECT versions, positions, recorded_at FROM eventstore.append($1, $2, $3, $4, $5, $6, $7, $8)"
)
LOAD_STREAMS: Final = "SELECT * FROM eventstore.load_streams($1, $2, $3, $4)"
LOCK_STREAMS: Final = "SELECT * FROM eventstore.lock_streams($1, $2, $3, $4)"
SAVE_SNAPSHOTS: Final = """
    INSERT INTO eventstore.snapshot AS s (stream_id, version, schema, state, event_id)
    SELECT n.stream_id, n.version, n.schema, n.state::jsonb,
           (SELECT event_id FROM eventstore.event AS e
            WHERE e.stream_id = n.stream_id AND e.version = n.version)
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[])
         AS n (stream_id, version, schema, state)
    ORDER BY n.stream_id
    ON CONFLICT (stream_id) DO UPDATE
    SET version = excluded.version, schema = excluded.schema, state = excluded.state,
        event_id = excluded.event_id, taken_at = clock_timestamp()
    WHERE s.version < excluded.version OR s.schema <> excluded.schema
       OR excluded.event_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM eventstore.event e
            WHERE e.stream_id = s.stream_id AND e.version = s.version AND e.event_id = s.event_id)
"""
"""A newer snapshot stays, unless its last event is not in the stream. The rows are in the order of
their streams, so that no two writers wait for each other."""
LOAD_SNAPSHOT: Final = (
    "SELECT version, schema, state::text, event_id FROM eventstore.snapshot WHERE stream_id = $1"
)
SAFE_HEAD: Final = "SELECT eventstore.safe_head()"
DRAWN_POSITION: Final = (
    "SELECT eventstore.drawn_position() AS drawn,"
    " (SELECT event_id FROM eventstore.event WHERE position = $1) AS event_id,"
    " CASE WHEN pg_is_in_recovery() THEN $1 <= eventstore.safe_head() ELSE true END AS is_reached"
)
LAST_SAFE_EVENT: Final = (
    "SELECT coalesce(max(position), 0) FROM eventstore.event"
    " WHERE position <= (SELECT eventstore.safe_head())"
)

_COLUMNS: Final = (
    "SELECT position, stream_id, version, event_id, type, schema_version,"
    " data::text, metadata::text, recorded_at"
)
_EVENT: Final = f"{_COLUMNS} FROM eventstore.event"
KNOWN_EVENTS: Final = f"{_EVENT} WHERE event_id = ANY($1)"
LOAD_STREAM: Final = f"{_EVENT} WHERE stream_id = $1 AND version > $2 ORDER BY version"
LOAD_FIRST: Final = f"{_EVENT} WHERE stream_id = ANY($1) AND version = 1"
LOAD_ALL: Final = f"{_EVENT} WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3"
LOAD_SOME: Final = f"{_COLUMNS} FROM eventstore.filtered_events($1, $2, $3, $4, $5)"
