"""Register webhooks, append events, send them, and let time pass in the database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg

from benchmarks.saga.driver import key_use
from domain.inventory.events import StockReceived
from eventstore.envelope import EventMetadata, NewEvent
from eventstore.postgres import PostgresEventStore
from eventstore.privacy.keyring import Keyring
from eventstore.versions import ANY
from kit.eventually import eventually
from kit.pool import Pool
from notifications.webhooks.client import WebhookClient
from notifications.webhooks.registry import WebhookRegistry
from notifications.webhooks.resolving import Resolve, resolve
from notifications.webhooks.runner import Webhooks
from notifications.webhooks.url import UrlRules

METADATA = EventMetadata(correlation_id="test")
ACTOR = "operator:ada"


@dataclass(frozen=True)
class Registered:
    id: UUID
    secret: str


@dataclass
class World:
    pool: Pool
    store: PostgresEventStore
    keys: Keyring
    registry: WebhookRegistry = field(init=False)

    def __post_init__(self) -> None:
        self.registry = WebhookRegistry(self.pool, self.keys, UrlRules(may_be_loopback=True))

    async def register(self, url: str, *patterns: str) -> Registered:
        made = await self.registry.register(
            url, patterns or ["*.*"], "A test", actor=ACTOR, key=key_use("registerWebhook")
        )
        assert made.secret is not None
        return Registered(made.id, made.secret)

    async def receive(self, *skus: str) -> list[str]:
        """Append a receipt of each of these products, and return the ids of the events."""
        ids = []
        for sku in skus:
            new = NewEvent(uuid4(), StockReceived(sku=sku, quantity=1), METADATA)
            await self.store.save_events(f"inventory-{sku}", [new], ANY)
            ids.append(str(new.event_id))
        return ids

    @asynccontextmanager
    async def sending(
        self, resolve_name: Resolve = resolve, timeout_seconds: float = 10.0
    ) -> AsyncIterator[Webhooks]:
        """Run a process's share of the sending until the block ends."""
        client = WebhookClient(
            may_be_loopback=True, resolve_name=resolve_name, timeout_seconds=timeout_seconds
        )
        webhooks = Webhooks(self.pool, self.store, self.keys, client)
        task = asyncio.create_task(webhooks.run())
        try:
            yield webhooks
        finally:
            assert not task.done()
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await client.aclose()

    async def row(self, webhook: Registered) -> asyncpg.Record:
        row = await self.pool.fetchrow(
            "SELECT *, paused_until - clock_timestamp() AS pause"
            " FROM eventstore.webhook_endpoint WHERE id = $1",
            webhook.id,
        )
        assert row is not None
        return row

    async def waiting(self, webhook: Registered) -> list[str]:
        rows = await self.pool.fetch(
            "SELECT event_id FROM eventstore.webhook_delivery WHERE endpoint_id = $1"
            " ORDER BY position",
            webhook.id,
        )
        return [str(row["event_id"]) for row in rows]

    async def attempts(self, webhook: Registered) -> list[tuple[str, int | None]]:
        rows = await self.pool.fetch(
            "SELECT outcome, status FROM eventstore.webhook_attempt WHERE endpoint_id = $1"
            " ORDER BY id",
            webhook.id,
        )
        return [(row["outcome"], row["status"]) for row in rows]

    async def until_attempted(
        self, webhook: Registered, count: int
    ) -> Sequence[tuple[str, int | None]]:
        """Wait until this number of attempts is recorded, and return all."""
        await self.until(lambda: self._has_attempts(webhook, count))
        return await self.attempts(webhook)

    async def until(self, fact: Callable[[], Awaitable[object]]) -> None:
        await eventually(fact, 30)

    async def _has_attempts(self, webhook: Registered, count: int) -> bool:
        return len(await self.attempts(webhook)) >= count

    async def until_disabled(self, webhook: Registered) -> str:
        async def is_disabled() -> bool:
            return (await self.row(webhook))["disabled_cause"] is not None

        await self.until(is_disabled)
        return str((await self.row(webhook))["disabled_cause"])

    async def pass_time(self, webhook: Registered, time: timedelta) -> None:
        """Move all times of the webhook into the past, as if this time had passed."""
        await self.pool.execute(
            "UPDATE eventstore.webhook_endpoint SET failing_since = failing_since - $2::interval,"
            " paused_until = paused_until - $2::interval WHERE id = $1",
            webhook.id,
            time,
        )
        await self.pool.execute(
            "UPDATE eventstore.webhook_delivery"
            " SET first_failed_at = first_failed_at - $2::interval,"
            " next_try_at = next_try_at - $2::interval WHERE endpoint_id = $1",
            webhook.id,
            time,
        )
        await self.pool.execute(
            "UPDATE eventstore.webhook_secret SET expires_at = expires_at - $2::interval"
            " WHERE endpoint_id = $1",
            webhook.id,
            time,
        )
