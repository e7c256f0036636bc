"""Read what one endpoint is to get, and record what came of it, while this process leads it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

import asyncpg

from eventstore import cloudevents
from eventstore.envelope import StoredEvent
from eventstore.privacy.endpoint_secrets import unseal
from eventstore.privacy.keyring import Encrypted, Keyring
from kit.pool import Connection, Pool
from notifications.webhooks import statements as sql
from notifications.webhooks.backoff import GIVE_UP_AFTER, delay_after
from notifications.webhooks.choosing import Choice
from notifications.webhooks.delivery import TEST_POSITION, Attempt, Delivery, Endpoint
from notifications.webhooks.sending import Sent
from notifications.webhooks.trial import trial_body
from observability.work import took

MAX_LOGGED_ATTEMPTS: Final = 1_000
"""The newest attempts of an endpoint that are kept."""
NOW: Final = timedelta(0)


class LedElsewhere(Exception):
    """Another process leads the endpoint, or an operator has changed it: nothing was recorded."""


@dataclass(frozen=True, slots=True)
class Batch:
    """`deliveries` are to be sent now; `held` wait behind an event of their stream.

    The cursor moves to `position`. `has_more` is True if the log has events beyond it.
    """

    deliveries: Sequence[Delivery]
    held: Sequence[Delivery]
    position: int
    has_more: bool = False


class Ledger:
    def __init__(self, pool: Pool, keys: Keyring, endpoint_id: UUID, member: UUID) -> None:
        self._pool = pool
        self._keys = keys
        self._id = endpoint_id
        self._member = member

    async def endpoint(self) -> Endpoint:
        """Raises LedElsewhere; UnknownKey or Tampered when its secrets do not open."""
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(sql.ENDPOINT, self._id, self._member)
            if row is None:
                raise LedElsewhere
            secrets = await connection.fetch(sql.KEYS, self._id)
        return Endpoint(
            id=row["id"],
            url=row["url"],
            choice=Choice.of(row["patterns"]),
            revision=row["revision"],
            position=row["position"],
            failures=row["failures"],
            failing_for=row["failing_for"],
            is_paused=row["is_paused"],
            is_lost=row["is_lost"],
            waiting=row["waiting"],
            keys=[self._unsealed(*secret) for secret in secrets],
        )

    def _unsealed(self, secret_id: UUID, sealed: bytes, master_key_id: str) -> bytes:
        return unseal(self._keys, self._id, secret_id, Encrypted(master_key_id, sealed))

    async def due(self, endpoint: Endpoint, limit: int) -> list[Delivery]:
        """Return the waiting events whose turn it is, by position; test events first."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(sql.DUE, self._id, endpoint.is_paused, limit)
            positions = [row["position"] for row in rows if row["position"] != TEST_POSITION]
            found = await connection.fetch(sql.EVENTS, positions) if positions else []
        events = {event.event_id: event for event in (StoredEvent(*row) for row in found)}
        return [
            self._delivery(row, events)
            for row in rows
            if row["position"] == TEST_POSITION or row["event_id"] in events
        ]

    def _delivery(self, row: asyncpg.Record, events: dict[UUID, StoredEvent]) -> Delivery:
        event = None if row["position"] == TEST_POSITION else events[row["event_id"]]
        return Delivery(
            event_id=row["event_id"],
            stream_id=row["stream_id"],
            position=row["position"],
            event_type=row["event_type"],
            body=trial_body(self._id, row["event_id"], row["created_at"])
            if event is None
            else cloudevents.encode(event),
            recorded_at=row["created_at"] if event is None else event.recorded_at,
            is_row=True,
            attempts=row["attempts"],
            failing_for=row["failing_for"],
            traceparent=None if event is None else event.metadata.traceparent,
        )

    async def waiting_among(self, streams: Sequence[str]) -> set[str]:
        """Return those of these streams that have a waiting event."""
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(sql.WAITING_STREAMS, self._id, streams)
        return {row["stream_id"] for row in rows}

    async def disable(self, endpoint: Endpoint, cause: str) -> None:
        """Raises LedElsewhere."""
        async with self._pool.acquire() as connection:
            await self._record(
                connection, endpoint, Batch([], [], endpoint.position), Sent(), cause
            )

    async def record(self, endpoint: Endpoint, batch: Batch, sent: Sent) -> None:
        """Record a batch in one transaction. Raises LedElsewhere, and then has recorded nothing."""
        done = [a.delivery.event_id for a in sent.attempts if a.is_delivered or a.delivery.is_test]
        async with self._pool.acquire() as connection, connection.transaction():
            await self._record(connection, endpoint, batch, sent, _cause(endpoint, sent))
            if done:
                await connection.execute(sql.DONE, self._id, done)
            if endpoint.failures and _has_delivered(sent):
                await connection.execute(sql.RETRY_ALL, self._id)
            await self._keep(connection, batch, sent)
            await self._log(connection, sent.attempts)
        taken = [a.delivery for a in sent.attempts if a.is_delivered and not a.delivery.is_test]
        took("webhooks", [delivery.recorded_at for delivery in taken])

    async def _record(
        self,
        connection: Connection,
        endpoint: Endpoint,
        batch: Batch,
        sent: Sent,
        cause: str | None,
    ) -> None:
        has_delivered = _has_delivered(sent)
        failures = (0 if has_delivered else endpoint.failures) + int(sent.must_wait)
        outcomes = Counter(str(attempt.answer.outcome) for attempt in sent.attempts)
        recorded = await connection.fetchval(
            sql.RECORD,
            *(self._id, self._member, endpoint.revision, batch.position, failures, has_delivered),
            delay_after(failures, _asked(sent)) if sent.must_wait else None,
            cause,
            json.dumps(outcomes),
        )
        if recorded is None:
            raise LedElsewhere

    async def _keep(self, connection: Connection, batch: Batch, sent: Sent) -> None:
        """Write the rows of what failed, and of what was read and not sent."""
        attempted = {attempt.delivery.event_id for attempt in sent.attempts}
        unsent = [d for d in batch.deliveries if d.event_id not in attempted and not d.is_row]
        failed = [a for a in sent.attempts if not (a.is_delivered or a.delivery.is_test)]
        rows = [
            *((attempt.delivery, True, _pause(attempt)) for attempt in failed),
            *((delivery, False, NOW) for delivery in (*unsent, *batch.held)),
        ]
        if rows:
            await connection.execute(
                sql.KEEP,
                self._id,
                [d.event_id for d, _, _ in rows],
                [d.stream_id for d, _, _ in rows],
                [d.position for d, _, _ in rows],
                [d.event_type for d, _, _ in rows],
                [has_failed for _, has_failed, _ in rows],
                [pause for _, _, pause in rows],
            )

    async def _log(self, connection: Connection, attempts: Sequence[Attempt]) -> None:
        if not attempts:
            return
        ordered = sorted(attempts, key=lambda attempt: attempt.at)
        await connection.execute(
            sql.LOG_ATTEMPTS,
            self._id,
            [a.delivery.event_id for a in ordered],
            [a.delivery.event_type for a in ordered],
            [a.delivery.position for a in ordered],
            [a.at for a in ordered],
            [a.duration for a in ordered],
            [str(a.answer.outcome) for a in ordered],
            [a.answer.status for a in ordered],
        )
        await connection.execute(sql.PRUNE_ATTEMPTS, self._id, MAX_LOGGED_ATTEMPTS)


def _has_delivered(sent: Sent) -> bool:
    return any(attempt.is_delivered for attempt in sent.attempts)


def _cause(endpoint: Endpoint, sent: Sent) -> str | None:
    """Return why the endpoint is to be disabled now, or None."""
    if sent.is_gone:
        return "GONE"
    failed = [a for a in sent.attempts if not (a.is_delivered or a.delivery.is_test)]
    has_failed_for_long = endpoint.failing_for is not None and endpoint.failing_for > GIVE_UP_AFTER
    if sent.must_wait and has_failed_for_long and not _has_delivered(sent):
        return "FAILING"
    if any(attempt.delivery.failing_for > GIVE_UP_AFTER for attempt in failed):
        return "FAILING"
    return None


def _asked(sent: Sent) -> timedelta | None:
    """Return the longest pause that the receiver has asked for."""
    pauses = (a.answer.retry_after for a in sent.attempts if a.answer.outcome.concerns_endpoint)
    return max((pause for pause in pauses if pause is not None), default=None)


def _pause(attempt: Attempt) -> timedelta:
    """Return the pause of the stream; none if the endpoint as a whole waits for its own."""
    if attempt.answer.outcome.concerns_endpoint:
        return NOW
    return delay_after(attempt.delivery.attempts + 1, attempt.answer.retry_after)
