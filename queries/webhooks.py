"""The webhooks as operators see them: their state, what waits for them, and their attempts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import Row, column, select, table, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from queries.keyset import Page, PageRequest, fetch_page

_ENDPOINT: Final = table(
    "webhook_endpoint",
    *map(
        column,
        (
            *("id", "number", "url", "description", "patterns", "position", "created_at"),
            *("created_by", "failing_since", "paused_until", "disabled_at", "disabled_cause"),
            "disabled_by",
        ),
    ),
    schema="eventstore",
)
_WAITING: Final = text("""
    SELECT endpoint_id, count(*) AS events, min(first_failed_at) AS since
    FROM eventstore.webhook_delivery
    WHERE endpoint_id = ANY(:ids)
    GROUP BY endpoint_id
""")
_SECRETS: Final = text("""
    SELECT endpoint_id, created_at, expires_at
    FROM eventstore.webhook_secret
    WHERE endpoint_id = ANY(:ids) AND (expires_at IS NULL OR expires_at > clock_timestamp())
    ORDER BY created_at DESC
""")
_ATTEMPTS: Final = text("""
    SELECT request.number, a.id, a.event_id, a.event_type, a.position, a.at, a.duration, a.outcome,
           a.status
    FROM unnest(CAST(:ids AS uuid[]), CAST(:sizes AS int[]), CAST(:befores AS bigint[]))
         WITH ORDINALITY AS request (endpoint_id, size, before, number)
    CROSS JOIN LATERAL (
        SELECT * FROM eventstore.webhook_attempt
        WHERE endpoint_id = request.endpoint_id AND id < coalesce(request.before, id + 1)
        ORDER BY id DESC
        LIMIT request.size + 1
    ) AS a
    ORDER BY request.number, a.id DESC
""")
_OUTCOMES: Final = text("""
    SELECT o.key, sum(o.value::bigint)::bigint
    FROM eventstore.webhook_endpoint AS e, jsonb_each_text(e.outcomes) AS o
    GROUP BY o.key
""")
_FIGURES: Final = text("""
    SELECT count(*) FILTER (WHERE disabled_at IS NULL) AS enabled,
           count(*) FILTER (WHERE disabled_cause <> 'OPERATOR') AS given_up,
           coalesce(extract(epoch FROM clock_timestamp() - (
               SELECT min(d.first_failed_at)
               FROM eventstore.webhook_delivery AS d
               JOIN eventstore.webhook_endpoint AS f ON f.id = d.endpoint_id
               WHERE f.disabled_at IS NULL
           )), 0) AS oldest_seconds,
           count(*) FILTER (
               WHERE disabled_at IS NULL AND sender IN (
                   SELECT member FROM eventstore.webhook_sender
                   WHERE seen_at > clock_timestamp() - interval '10 s'
               )
           ) AS led
    FROM eventstore.webhook_endpoint
""")


class SecretView(NamedTuple):
    """When a secret was made and expires; the secret itself is shown to nobody again."""

    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class WebhookView:
    id: UUID
    number: int
    """The number by which the list is sorted."""
    url: str
    description: str
    patterns: Sequence[str]
    position: int
    created_at: datetime
    created_by: str
    failing_since: datetime | None
    paused_until: datetime | None
    disabled_at: datetime | None
    disabled_cause: str | None
    disabled_by: str | None
    waiting: int
    oldest_failure: datetime | None
    secrets: Sequence[SecretView]


class AttemptsRequest(NamedTuple):
    """`size` attempts before the one with this id, if it is given."""

    endpoint_id: UUID
    size: int
    before: int | None = None


@dataclass(frozen=True, slots=True)
class AttemptView:
    id: int
    event_id: UUID
    event_type: str
    position: int
    at: datetime
    duration: timedelta
    outcome: str
    status: int | None


@dataclass(frozen=True, slots=True)
class WebhookFigures:
    attempts: Mapping[str, int]
    """The number of attempts by their outcome."""
    enabled: int
    given_up: int
    """The webhooks that the sender has disabled."""
    oldest_seconds: float
    """The seconds since the first failure of the event that has failed for longest; 0 for none."""
    led: int
    """The enabled webhooks that a worker sends."""


class WebhookQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def get(self, endpoint_id: UUID) -> WebhookView | None:
        async with self._engine.connect() as connection:
            wanted = select(_ENDPOINT).where(_ENDPOINT.c.id == endpoint_id)
            found = await _views(connection, (await connection.execute(wanted)).all())
        return found[0] if found else None

    async def page(self, request: PageRequest[int]) -> Page[WebhookView]:
        """Return webhooks in the order of their registration."""
        async with self._engine.connect() as connection:
            page = await fetch_page(connection, select(_ENDPOINT), _ENDPOINT.c.number, request)
            items = await _views(connection, page.items)
        return Page(items, page.has_next, page.has_previous)

    async def attempts(self, requests: Sequence[AttemptsRequest]) -> list[Page[AttemptView]]:
        """Return a page for each request, the newest attempt first, in one statement for all."""
        asked = {
            "ids": [request.endpoint_id for request in requests],
            "sizes": [request.size for request in requests],
            "befores": [request.before for request in requests],
        }
        found: defaultdict[int, list[AttemptView]] = defaultdict(list)
        async with self._engine.connect() as connection:
            for number, *row in await connection.execute(_ATTEMPTS, asked):
                found[number].append(AttemptView(*row))
        return [
            Page(
                found[number][: request.size],
                has_next=len(found[number]) > request.size,
                has_previous=request.before is not None,
            )
            for number, request in enumerate(requests, start=1)
        ]

    async def figures(self) -> WebhookFigures:
        async with self._engine.connect() as connection:
            outcomes = (await connection.execute(_OUTCOMES)).all()
            figures = (await connection.execute(_FIGURES)).one()
        return WebhookFigures(
            attempts=dict(map(tuple, outcomes)),
            enabled=figures.enabled,
            given_up=figures.given_up,
            oldest_seconds=float(figures.oldest_seconds),
            led=figures.led,
        )


async def _views(connection: AsyncConnection, rows: Sequence[Row[Any]]) -> list[WebhookView]:
    if not rows:
        return []
    asked = {"ids": [row.id for row in rows]}
    waiting = {row.endpoint_id: row for row in await connection.execute(_WAITING, asked)}
    secrets: defaultdict[UUID, list[SecretView]] = defaultdict(list)
    for endpoint_id, *secret in await connection.execute(_SECRETS, asked):
        secrets[endpoint_id].append(SecretView(*secret))
    return [_view(row, waiting.get(row.id), secrets[row.id]) for row in rows]


def _view(row: Row[Any], waiting: Row[Any] | None, secrets: Sequence[SecretView]) -> WebhookView:
    return WebhookView(
        **row._mapping,
        waiting=0 if waiting is None else waiting.events,
        oldest_failure=None if waiting is None else waiting.since,
        secrets=secrets,
    )
