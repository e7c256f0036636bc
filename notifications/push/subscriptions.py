"""The push subscriptions as the sender reads them.

The endpoint and the keys are personal. They are sealed under the customer's key, and their row goes
with that key, in the same transaction.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final, Self
from uuid import UUID

from eventstore.privacy.search_key import SearchKey
from eventstore.privacy.vault import Vault
from kit.pool import Pool
from notifications.outbox import Channel, State
from notifications.push.encryption import BrowserKeys

_PREFIX: Final = "push:"
_PURPOSE: Final = "push endpoint"

_GET: Final = """
    SELECT customer_id, endpoint_digest, key_id, sealed
    FROM eventstore.push_subscription WHERE id = $1
"""
_DROP: Final = "DELETE FROM eventstore.push_subscription WHERE id = $1"
_PAUSE: Final = """
    UPDATE eventstore.push_subscription
    SET paused_until = greatest(paused_until, clock_timestamp() + $2::interval)
    WHERE id = $1
"""
_POSTPONE: Final = f"""
    UPDATE eventstore.notification
    SET due_at = greatest(due_at, clock_timestamp() + $2::interval)
    WHERE recipient = $1 AND channel = '{Channel.PUSH}' AND state = '{State.PENDING}'
"""  # noqa: S608 - our own words


@dataclass(frozen=True, slots=True)
class Target:
    """Where the messages of a subscription are sent, in clear. It never shows itself."""

    endpoint: str = field(repr=False)
    keys: BrowserKeys = field(repr=False)

    def as_bytes(self) -> bytes:
        parts = (self.endpoint, self.keys.p256dh.hex(), self.keys.auth.hex())
        return json.dumps(parts).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        endpoint, p256dh, auth = json.loads(data)
        return cls(endpoint, BrowserKeys(bytes.fromhex(p256dh), bytes.fromhex(auth)))


def recipient_of(subscription_id: UUID) -> str:
    return f"{_PREFIX}{subscription_id}"


def subscription_in(recipient: str) -> UUID:
    return UUID(recipient.removeprefix(_PREFIX))


def digest_of(search_key: SearchKey, endpoint: str) -> str:
    """Return the HMAC by which an endpoint is found without being stored in clear."""
    return search_key.signature(_PURPOSE, endpoint)


def place_of(digest: str) -> tuple[str, str]:
    """Return what a sealed target is bound to: it does not open as another endpoint's."""
    return ("push subscription", digest)


class Subscriptions:
    def __init__(self, pool: Pool, vault: Vault) -> None:
        self._pool = pool
        self._vault = vault

    async def target_of(self, subscription_id: UUID) -> Target | None:
        """Return the target in clear, or None when there is no such subscription any more.

        Raises ErasedValue, UnknownKey or Tampered.
        """
        row = await self._pool.fetchrow(_GET, subscription_id)
        if row is None:
            return None
        customer_id, digest, key_id, sealed = row
        data = await self._vault.open_value(customer_id, key_id, place_of(digest), sealed)
        return Target.from_bytes(data)

    async def drop(self, subscription_id: UUID) -> None:
        await self._pool.execute(_DROP, subscription_id)

    async def pause(self, subscription_id: UUID, time: timedelta) -> None:
        """Send nothing to this subscription for this time, also nothing that is pending."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(_PAUSE, subscription_id, time)
            await connection.execute(_POSTPONE, recipient_of(subscription_id), time)
