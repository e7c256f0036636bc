"""Register the browsers of a customer, and forget them. Each change is one transaction."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

from asyncpg import ForeignKeyViolationError, Record

from domain.errors import ErrorCode, Refused
from domain.idempotency import KeyUse
from eventstore.keys import take_key
from eventstore.privacy.errors import PrivacyError
from eventstore.privacy.search_key import SearchKey
from eventstore.privacy.vault import Vault
from kit.pool import Connection, Pool
from notifications.push.encryption import BadKeys, BrowserKeys
from notifications.push.subscriptions import Subscriptions, Target, digest_of, place_of
from notifications.push.vapid import Vapid
from notifications.webhooks.url import UrlRules

MAX_SUBSCRIPTIONS: Final = 20
"""The most browsers of one customer: a notice is sent to each."""
MAX_KEY_CHARACTERS: Final = 200

# Two requests for the same endpoint wait for each other, and then two of the same customer.
_LOCK_ENDPOINT: Final = "SELECT pg_advisory_xact_lock(7007, hashtext($1))"
_LOCK_CUSTOMER: Final = "SELECT pg_advisory_xact_lock(7008, hashtext($1))"
_TAKE_OVER: Final = """
    DELETE FROM eventstore.push_subscription WHERE endpoint_digest = $1 AND customer_id <> $2
"""
_RENEW: Final = """
    UPDATE eventstore.push_subscription SET key_id = $2, sealed = $3
    WHERE endpoint_digest = $1
    RETURNING id, created_at, paused_until
"""
_FIND: Final = """
    SELECT id, created_at, paused_until FROM eventstore.push_subscription
    WHERE endpoint_digest = $1 AND customer_id = $2
"""
_COUNT: Final = "SELECT count(*) FROM eventstore.push_subscription WHERE customer_id = $1"
_INSERT: Final = """
    INSERT INTO eventstore.push_subscription (id, customer_id, endpoint_digest, key_id, sealed)
    VALUES ($1, $2, $3, $4, $5)
    RETURNING id, created_at, paused_until
"""
_LIST: Final = """
    SELECT id, created_at, paused_until
    FROM eventstore.push_subscription
    WHERE customer_id = $1
    ORDER BY created_at, id
"""
_REMOVE: Final = """
    DELETE FROM eventstore.push_subscription WHERE id = $1 AND customer_id = $2 RETURNING id
"""


@dataclass(frozen=True, slots=True)
class PushSubscription:
    id: UUID
    created_at: datetime
    paused_until: datetime | None


@dataclass(frozen=True, slots=True)
class Subscribed:
    subscription: PushSubscription | None
    """None when a request with this key subscribed the browser, and it was unsubscribed since."""
    is_repeat: bool


class PushRegistry:
    """Each method that changes something raises Refused, and then has changed nothing."""

    def __init__(
        self, pool: Pool, vault: Vault, search_key: SearchKey, urls: UrlRules, vapid: Vapid | None
    ) -> None:
        self._pool = pool
        self._vault = vault
        self._search_key = search_key
        self._urls = urls
        self.public_key: Final = None if vapid is None else vapid.public_key
        """The key that browsers subscribe with; None when push is off."""

    async def subscribe(
        self,
        customer_id: str,
        endpoint: str,
        p256dh: str,
        auth: str,
        *,
        key: KeyUse | None = None,
    ) -> Subscribed:
        """Send the customer's notices to this browser too, from now on.

        A repetition returns the same subscription. A browser that another customer registered
        before belongs to this customer from now on.
        """
        if self.public_key is None:
            message = "push is off: an operator sets WAYBILL_VAPID_PRIVATE_KEY to switch it on"
            raise Refused(ErrorCode.PUSH_OFF, message)
        target = Target(endpoint, _keys(p256dh, auth))
        await self._urls.check(endpoint)
        digest = digest_of(self._search_key, endpoint)
        is_known = await self._is_known(customer_id, digest, target)
        sealed = await self._vault.seal_value(customer_id, place_of(digest), target.as_bytes())
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                if not await take_key(connection, key):
                    found = await connection.fetchrow(_FIND, digest, customer_id)
                    return Subscribed(_any(found), is_repeat=True)
                row = (customer_id, digest, sealed.key_id, sealed.data)
                return Subscribed(await _stored(connection, *row), is_repeat=is_known)
        except ForeignKeyViolationError:  # the customer was erased at this moment
            message = "the customer has just been erased: subscribe again"
            raise Refused(ErrorCode.PERSONAL_DATA_ERASED, message) from None

    async def unsubscribe(
        self, customer_id: str, subscription_id: UUID, key: KeyUse | None = None
    ) -> bool:
        """Send nothing more to this browser; return False for a repetition with the key."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await take_key(connection, key):
                return False
            if await connection.fetchval(_REMOVE, subscription_id, customer_id) is None:
                raise not_found()
        return True

    async def of(self, customer_id: str) -> Sequence[PushSubscription]:
        """Return the subscriptions of the customer, the oldest first."""
        return [PushSubscription(*row) for row in await self._pool.fetch(_LIST, customer_id)]

    async def _is_known(self, customer_id: str, digest: str, target: Target) -> bool:
        """Return whether the customer has subscribed this browser with the same keys."""
        row = await self._pool.fetchrow(_FIND, digest, customer_id)
        if row is None:
            return False
        with suppress(PrivacyError):  # what cannot be opened is replaced
            return await Subscriptions(self._pool, self._vault).target_of(row["id"]) == target
        return False


async def _stored(
    connection: Connection, customer_id: str, digest: str, key_id: UUID, sealed: bytes
) -> PushSubscription:
    await connection.execute(_LOCK_ENDPOINT, digest)
    await connection.execute(_LOCK_CUSTOMER, customer_id)
    await connection.execute(_TAKE_OVER, digest, customer_id)
    row = await connection.fetchrow(_RENEW, digest, key_id, sealed)
    if row is None:
        if await connection.fetchval(_COUNT, customer_id) >= MAX_SUBSCRIPTIONS:
            message = f"there are {MAX_SUBSCRIPTIONS} subscriptions, the most: unsubscribe one"
            raise Refused(ErrorCode.TOO_MANY_SUBSCRIPTIONS, message)
        new = (uuid4(), customer_id, digest, key_id, sealed)
        row = await connection.fetchrow(_INSERT, *new)
    assert row is not None  # noqa: S101 - an INSERT returns its row
    return PushSubscription(*row)


def _any(row: Record | None) -> PushSubscription | None:
    return None if row is None else PushSubscription(*row)


def not_found() -> Refused:
    return Refused(ErrorCode.NOT_FOUND, "there is no push subscription with this id", ("id",))


def _keys(p256dh: str, auth: str) -> BrowserKeys:
    """Raises Refused, which names the field and does not show the key."""
    for field, text in (("p256dh", p256dh), ("auth", auth)):
        if len(text) > MAX_KEY_CHARACTERS:
            raise _bad_key(field)
    try:
        return BrowserKeys.of(p256dh, auth)
    except BadKeys as fault:
        raise _bad_key(fault.name) from None


def _bad_key(field: str) -> Refused:
    message = f"{field}: pass the key that PushSubscription.toJSON() of the browser shows"
    return Refused(ErrorCode.INVALID_INPUT, message, (field,))
