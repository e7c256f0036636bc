"""Register endpoints and change them, for operators. Each change is one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyUse
from eventstore.keys import take_key
from eventstore.privacy.endpoint_secrets import seal
from eventstore.privacy.keyring import Keyring
from eventstore.statements import LAST_SAFE_EVENT
from kit.pool import Connection, Pool
from notifications.webhooks.choosing import checked_patterns
from notifications.webhooks.delivery import TEST_POSITION, TEST_TYPE
from notifications.webhooks.signing import new_secret, shown
from notifications.webhooks.trial import trial_stream
from notifications.webhooks.url import UrlRules

MAX_ENDPOINTS: Final = 1_000
MAX_DESCRIPTION: Final = 200
KEEP_OLD_SECRET: Final = timedelta(hours=24)
"""The time for which both secrets sign, while the receiver changes to the new one."""

_IDS: Final = UUID("6f0f6d0c-38f5-4bd8-9b0a-6a3d4f1c9e27")
"""The namespace of the ids that are derived from idempotency keys."""

_COUNT: Final = "SELECT count(*) FROM eventstore.webhook_endpoint"
_FINGERPRINT: Final = "SELECT fingerprint FROM eventstore.webhook_endpoint WHERE id = $1"
_INSERT: Final = """
    INSERT INTO eventstore.webhook_endpoint
        (id, url, description, patterns, created_by, fingerprint, position, event_id)
    VALUES ($1, $2, $3, $4, $5, $6, $7, eventstore.newest_event($7))
    ON CONFLICT (id) DO NOTHING
    RETURNING id
"""
_LOCK: Final = """
    SELECT disabled_at, disabled_cause FROM eventstore.webhook_endpoint WHERE id = $1 FOR UPDATE
"""
_UPDATE: Final = """
    UPDATE eventstore.webhook_endpoint
    SET url = coalesce($2, url), description = coalesce($3, description),
        patterns = coalesce($4, patterns), revision = revision + 1
    WHERE id = $1 AND (url, description, patterns) IS DISTINCT FROM
        (coalesce($2, url), coalesce($3, description), coalesce($4, patterns))
"""
_DISABLE: Final = """
    UPDATE eventstore.webhook_endpoint
    SET disabled_at = clock_timestamp(), disabled_cause = 'OPERATOR', disabled_by = $2,
        revision = revision + 1
    WHERE id = $1 AND disabled_at IS NULL
"""
_ENABLE: Final = """
    UPDATE eventstore.webhook_endpoint
    SET disabled_at = NULL, disabled_cause = NULL, disabled_by = NULL, failures = 0,
        failing_since = NULL, paused_until = NULL, revision = revision + 1
    WHERE id = $1 AND disabled_at IS NOT NULL
"""
_BEGIN_AGAIN: Final = """
    UPDATE eventstore.webhook_delivery
    SET attempts = 0, first_failed_at = NULL, next_try_at = clock_timestamp()
    WHERE endpoint_id = $1
"""
_REPLAY: Final = """
    UPDATE eventstore.webhook_endpoint
    SET position = $2, event_id = eventstore.newest_event($2), failures = 0, failing_since = NULL,
        paused_until = NULL, revision = revision + 1
    WHERE id = $1
"""
_FORGET: Final = "DELETE FROM eventstore.webhook_delivery WHERE endpoint_id = $1"
_INSERT_KEY: Final = """
    INSERT INTO eventstore.webhook_secret (id, endpoint_id, sealed, master_key_id)
    VALUES ($1, $2, $3, $4)
"""
_HAS_KEY: Final = "SELECT true FROM eventstore.webhook_secret WHERE id = $1"
_ROTATION_ENDS: Final = """
    SELECT max(expires_at) FROM eventstore.webhook_secret
    WHERE endpoint_id = $1 AND expires_at > clock_timestamp()
"""
_EXPIRE: Final = """
    UPDATE eventstore.webhook_secret
    SET expires_at = least(expires_at, clock_timestamp() + $2::interval)
    WHERE endpoint_id = $1
"""
_DELETE_EXPIRED: Final = """
    DELETE FROM eventstore.webhook_secret
    WHERE endpoint_id = $1 AND expires_at < clock_timestamp() - interval '30 days'
"""
_TOUCH: Final = """
    UPDATE eventstore.webhook_endpoint SET revision = revision + 1 WHERE id = $1
"""
_TEST: Final = """
    INSERT INTO eventstore.webhook_delivery (endpoint_id, event_id, stream_id, position, event_type)
    SELECT $1, $2, $3, $4, $5
    WHERE NOT EXISTS (
        SELECT FROM eventstore.webhook_attempt WHERE endpoint_id = $1 AND event_id = $2
    )
    ON CONFLICT (endpoint_id, event_id) DO NOTHING
    RETURNING event_id
"""


@dataclass(frozen=True, slots=True)
class Made:
    """`secret` is None for a repetition: a secret is shown once."""

    id: UUID
    secret: str | None

    @property
    def is_repeated(self) -> bool:
        return self.secret is None


class WebhookRegistry:
    """Each method raises Refused, and then has changed nothing.

    A method that asks for a state returns False when it has changed nothing: a repetition.
    """

    def __init__(self, pool: Pool, keys: Keyring, urls: UrlRules) -> None:
        self._pool = pool
        self._keys = keys
        self._urls = urls

    async def register(
        self, url: str, patterns: Sequence[str], description: str, *, actor: str, key: KeyUse
    ) -> Made:
        """Register an endpoint, which gets the events from now on.

        A repetition with the key returns the same endpoint.
        """
        chosen, endpoint_id = checked_patterns(patterns), _id("register", key)
        _check_description(description)
        fingerprint = _fingerprint(url, chosen, description)
        async with self._pool.acquire() as connection:
            if (first := await connection.fetchval(_FINGERPRINT, endpoint_id)) is not None:
                return _repeated(endpoint_id, first, fingerprint)
            if await connection.fetchval(_COUNT) >= MAX_ENDPOINTS:
                message = f"there are {MAX_ENDPOINTS} webhooks, the most there may be: change one"
                raise Refused(ErrorCode.WRONG_STATE, message)
        await self._urls.check(url)
        async with self._pool.acquire() as connection, connection.transaction():
            head = await connection.fetchval(LAST_SAFE_EVENT)
            row = (endpoint_id, url, description, chosen, actor, fingerprint, head)
            if await connection.fetchval(_INSERT, *row) is None:  # at this moment, by a repetition
                first = await connection.fetchval(_FINGERPRINT, endpoint_id)
                return _repeated(endpoint_id, first, fingerprint)
            secret = await self._add_secret(connection, endpoint_id, endpoint_id)
        return Made(endpoint_id, secret)

    async def update(
        self,
        endpoint_id: UUID,
        url: str | None,
        patterns: Sequence[str] | None,
        description: str | None,
        key: KeyUse | None = None,
    ) -> bool:
        """Change what is not None. Events that wait already are sent to the new URL."""
        chosen = None if patterns is None else checked_patterns(patterns)
        if description is not None:
            _check_description(description)
        if url is not None:
            await self._urls.check(url)
        async with self._locked(endpoint_id) as connection:
            return await take_key(connection, key) and _has_changed(
                await connection.execute(_UPDATE, endpoint_id, url, description, chosen)
            )

    async def disable(self, endpoint_id: UUID, actor: str, key: KeyUse | None = None) -> bool:
        async with self._locked(endpoint_id) as connection:
            return await take_key(connection, key) and _has_changed(
                await connection.execute(_DISABLE, endpoint_id, actor)
            )

    async def enable(self, endpoint_id: UUID, key: KeyUse | None = None) -> bool:
        """Send again, from the cursor on; what has failed gets all of its time again."""
        async with self._locked(endpoint_id) as connection:
            is_change = await take_key(connection, key) and _has_changed(
                await connection.execute(_ENABLE, endpoint_id)
            )
            if is_change:
                await connection.execute(_BEGIN_AGAIN, endpoint_id)
        return is_change

    async def replay(self, endpoint_id: UUID, position: int, key: KeyUse | None = None) -> bool:
        """Send all events above this position, again or for the first time.

        Events that wait at or below it are dropped: an operator can skip one in this way. Without
        a key, a repetition sends them once more.
        """
        async with self._locked(endpoint_id) as connection:
            if not await take_key(connection, key):
                return False
            if position > await connection.fetchval(LAST_SAFE_EVENT):
                message = "from: the log has not come this far: pass an earlier position"
                raise Refused(ErrorCode.INVALID_INPUT, message, ("from",))
            await connection.execute(_FORGET, endpoint_id)
            await connection.execute(_REPLAY, endpoint_id, position)
        return True

    async def rotate(self, endpoint_id: UUID, *, key: KeyUse, must_expire_old: bool) -> Made:
        """Make a new secret. The old one signs too until it expires."""
        secret_id = _id("rotate", key)
        async with self._locked(endpoint_id) as connection:
            is_first = await take_key(connection, key)
            if not is_first or await connection.fetchval(_HAS_KEY, secret_id):
                return Made(endpoint_id, None)
            ends: datetime | None = await connection.fetchval(_ROTATION_ENDS, endpoint_id)
            if ends is not None and not must_expire_old:
                raise _is_rotated_until(ends)
            kept = timedelta(0) if must_expire_old else KEEP_OLD_SECRET
            await connection.execute(_EXPIRE, endpoint_id, kept)
            await connection.execute(_DELETE_EXPIRED, endpoint_id)
            secret = await self._add_secret(connection, endpoint_id, secret_id)
            await connection.execute(_TOUCH, endpoint_id)
        return Made(endpoint_id, secret)

    async def test(self, endpoint_id: UUID, *, key: KeyUse) -> tuple[UUID, bool]:
        """Have a test event sent once; return its id, and whether that is a repetition."""
        event_id = _id("test", key)
        async with self._locked(endpoint_id) as connection:
            if not await take_key(connection, key):
                return event_id, True
            state = await connection.fetchrow(_LOCK, endpoint_id)
            if state is not None and state["disabled_at"] is not None:
                message = f"the webhook is disabled ({state['disabled_cause']}): enable it first"
                raise Refused(ErrorCode.WRONG_STATE, message, ("id",))
            row = (endpoint_id, event_id, trial_stream(endpoint_id), TEST_POSITION, TEST_TYPE)
            is_new = await connection.fetchval(_TEST, *row) is not None
        return event_id, not is_new

    @asynccontextmanager
    async def _locked(self, endpoint_id: UUID) -> AsyncIterator[Connection]:
        async with self._pool.acquire() as connection, connection.transaction():
            if await connection.fetchrow(_LOCK, endpoint_id) is None:
                raise Refused(ErrorCode.NOT_FOUND, "there is no webhook with this id", ("id",))
            yield connection

    async def _add_secret(self, connection: Connection, endpoint_id: UUID, secret_id: UUID) -> str:
        secret = new_secret()
        sealed = seal(self._keys, endpoint_id, secret_id, secret)
        row = (secret_id, endpoint_id, sealed.data, sealed.key_id)
        await connection.execute(_INSERT_KEY, *row)
        return shown(secret)


def _has_changed(status: str) -> bool:
    """Return whether an UPDATE with this status has changed a row."""
    return not status.endswith(" 0")


def _id(what: str, key: KeyUse) -> UUID:
    return uuid5(_IDS, json.dumps([what, str(key.id)]))


def _fingerprint(url: str, patterns: Sequence[str], description: str) -> str:
    return hashlib.sha256(json.dumps([url, sorted(patterns), description]).encode()).hexdigest()


def _repeated(endpoint_id: UUID, first: str, fingerprint: str) -> Made:
    if first != fingerprint:
        message = "this key was used for another webhook: use a new key for a new one"
        raise Refused(ErrorCode.IDEMPOTENCY_KEY_REUSED, message, ("idempotencyKey",))
    return Made(endpoint_id, None)


def _check_description(text: str) -> None:
    if len(text) > MAX_DESCRIPTION or not text.isprintable():
        message = f"description: write at most {MAX_DESCRIPTION} characters in one line"
        raise Refused(ErrorCode.INVALID_INPUT, message, ("description",))


def _is_rotated_until(ends: datetime) -> Refused:
    message = (
        f"the secret is being rotated until {ends:%Y-%m-%d %H:%M} UTC: wait for that, or set"
        " expireOldNow"
    )
    return Refused(ErrorCode.WRONG_STATE, message, ("id",))
