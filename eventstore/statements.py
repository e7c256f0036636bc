"""The SQL that the store sends. The rules live in sql/; these lines only call and read."""

from __future__ import annotations

from typing import Final

APPEND_EVENT: Final = (
    "SELECT version, position, recorded_at FROM eventstore.append_event($1, $2, $3, $4, $5, $6, $7)"
)
APPEND: Final = (
    "SELECT versions, positions, recorded_at FROM eventstore.append($1, $2, $3, $4, $5, $6, $7, $8)"
)
KNOWN_EVENTS: Final = (
    "SELECT known, same, versions, positions, recorded_at FROM eventstore.known_events($1, $2, $3)"
)
SAVE_SNAPSHOT: Final = (
    "INSERT INTO eventstore.snapshot AS s (stream_id, version, schema, state)"
    " VALUES ($1, $2, $3, $4)"
    " ON CONFLICT (stream_id) DO UPDATE"
    " SET version = $2, schema = $3, state = $4, taken_at = clock_timestamp()"
    " WHERE s.version < $2 OR s.schema <> $3"
)
LOAD_SNAPSHOT: Final = (
    "SELECT version, schema, state::text FROM eventstore.snapshot WHERE stream_id = $1"
)
SAFE_HEAD: Final = "SELECT eventstore.safe_head()"
DRAWN_POSITION: Final = (
    "SELECT eventstore.drawn_position() AS drawn,"
    " (SELECT event_id FROM eventstore.event WHERE position = $1) AS event_id"
)
LAST_SAFE_EVENT: Final = (
    "SELECT coalesce(max(position), 0) FROM eventstore.event"
    " WHERE position <= (SELECT eventstore.safe_head())"
)

_EVENT: Final = (
    "SELECT position, stream_id, version, event_id, type, schema_version,"
    " data::text, metadata::text, recorded_at FROM eventstore.event"
)
LOAD_STREAM: Final = f"{_EVENT} WHERE stream_id = $1 AND version > $2 ORDER BY version"
LOAD_ALL: Final = f"{_EVENT} WHERE position > $1 AND position <= $2 ORDER BY position LIMIT $3"
LOAD_SOME: Final = (
    f"{_EVENT} WHERE position > $1 AND position <= $2"
    " AND ($4::text[] IS NULL OR type = ANY($4))"
    " AND ($5::text[] IS NULL OR split_part(stream_id, '-', 1) = ANY($5))"
    " ORDER BY position LIMIT $3"
)
