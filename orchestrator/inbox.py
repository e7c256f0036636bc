"""Store each webhook once, by the id that its provider gave it.

The inbox never stores the content: it may be personal data, and the saga asks the provider anyway.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from kit.pool import Pool

CLAIMED_FOR: Final = timedelta(seconds=30)
"""Longer than the handling takes. If a process dies while it handles a webhook, others wait until
then."""
KEPT_FOR: Final = timedelta(days=30)
"""Longer than any provider repeats a webhook."""

_CLAIM: Final = """
    INSERT INTO journal.webhook AS w
        (provider, event_id, type, order_id, received_at, claimed_until)
    VALUES ($1, $2, $3, $4, clock_timestamp(), clock_timestamp() + $5)
    ON CONFLICT (provider, event_id) DO UPDATE SET claimed_until = excluded.claimed_until
    WHERE w.handled_at IS NULL AND w.claimed_until <= clock_timestamp()
    RETURNING true
"""
_IS_HANDLED: Final = """
    SELECT handled_at IS NOT NULL FROM journal.webhook WHERE provider = $1 AND event_id = $2
"""
_GIVE_UP: Final = """
    UPDATE journal.webhook SET claimed_until = clock_timestamp()
    WHERE provider = $1 AND event_id = $2
"""
# Each new webhook deletes two old ones. So the table stays small, and needs no cleanup job.
_HANDLED: Final = """
    WITH pruned AS (
        DELETE FROM journal.webhook
        WHERE (provider, event_id) IN (
            SELECT provider, event_id FROM journal.webhook
            WHERE received_at < clock_timestamp() - $3::interval AND event_id <> $2
            ORDER BY received_at LIMIT 2
            FOR UPDATE SKIP LOCKED
        )
    )
    UPDATE journal.webhook SET handled_at = clock_timestamp()
    WHERE provider = $1 AND event_id = $2
"""


class BeingHandled(Exception):
    """Another process handles the same webhook at this moment; its outcome is not known yet."""


@dataclass(frozen=True, slots=True)
class Webhook:
    provider: str
    event_id: str
    type: str
    order_id: str


class Inbox:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def handle_once(self, webhook: Webhook, handle: Callable[[], Awaitable[None]]) -> None:
        """Run `handle`, unless it has already succeeded for this webhook.

        An error of `handle` is raised, and the webhook can be handled again. A process that dies
        after `handle` and before the record makes `handle` run a second time. Raises BeingHandled.
        """
        if not await self._claim(webhook):
            return
        try:
            await handle()
        except Exception:
            await self._execute(_GIVE_UP, webhook)
            raise
        await self._execute(_HANDLED, webhook, KEPT_FOR)

    async def _claim(self, webhook: Webhook) -> bool:
        """Return True when this process may handle the webhook, False when it is done."""
        key = (webhook.provider, webhook.event_id)
        facts = (webhook.type, webhook.order_id)
        async with self._pool.acquire() as connection:
            if await connection.fetchval(_CLAIM, *key, *facts, CLAIMED_FOR):
                return True
            if await connection.fetchval(_IS_HANDLED, *key):
                return False
        raise BeingHandled

    async def _execute(self, statement: str, webhook: Webhook, *more: object) -> None:
        async with self._pool.acquire() as connection:
            await connection.execute(statement, webhook.provider, webhook.event_id, *more)
