"""Page through streams from their newest event backwards, many streams in one statement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from typing import Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from eventstore.envelope import StoredEvent
from queries.keyset import Page

# Each request reads the newest events of one stream backwards, by the index of its versions.
_NEWEST: Final = text("""
    SELECT request.number, e.position, e.stream_id, e.version, e.event_id, e.type,
           e.schema_version, e.data::text, e.metadata::text, e.recorded_at
    FROM unnest(
             CAST(:streams AS text[]), CAST(:befores AS bigint[]), CAST(:sizes AS int[])
         ) WITH ORDINALITY AS request (stream, before, size, number)
    CROSS JOIN LATERAL (
        SELECT * FROM eventstore.event
        WHERE stream_id = request.stream AND version < request.before AND type = ANY(:types)
        ORDER BY version DESC
        LIMIT request.size + 1
    ) AS e
    ORDER BY request.number, e.version DESC
""")
_ABOVE_ALL: Final = 2**62
"""A version above those of all events."""


class StreamRequest(NamedTuple):
    """`size` events of the stream before the event of this version, if it is given."""

    stream: str
    size: int
    before: int | None = None


async def newest_first(
    connection: AsyncConnection, requests: Sequence[StreamRequest], types: Collection[str]
) -> list[Page[StoredEvent]]:
    """Return a page of the events of these types for each request, in one statement for all."""
    asked = {
        "streams": [request.stream for request in requests],
        "befores": [request.before or _ABOVE_ALL for request in requests],
        "sizes": [request.size for request in requests],
        "types": list(types),
    }
    found: defaultdict[int, list[StoredEvent]] = defaultdict(list)
    for number, *row in await connection.execute(_NEWEST, asked):
        found[number].append(StoredEvent(*row))
    return [
        Page(
            found[number][: request.size],
            has_next=len(found[number]) > request.size,
            has_previous=request.before is not None,
        )
        for number, request in enumerate(requests, start=1)
    ]
