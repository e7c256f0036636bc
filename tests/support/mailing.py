"""A follower and a sender of mails, whose times are short."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Final

from pydantic import SecretStr

from eventstore.postgres import PostgresEventStore
from eventstore.privacy.search_key import SearchKey
from eventstore.privacy.vault import Vault
from kit.eventually import eventually
from kit.pool import Pool
from kit.tasks import together
from notifications.follower import Leader, NotificationFollower
from notifications.mail.composer import Composer
from notifications.mail.sender import MailSender
from notifications.mail.smtp import SmtpServer
from notifications.outbox import Channel, Outbox
from notifications.policy import Clock, DeliveryPolicy, utc_now
from notifications.preferences import PreferenceStore
from notifications.sender import Pace
from notifications.suppressions import Suppressions
from settings import Settings

QUICK: Final = Pace(
    first_pause=timedelta(milliseconds=50),
    longest_pause=timedelta(milliseconds=100),
    max_attempts=4,
    attempt_timeout=timedelta(seconds=3),
    lease=timedelta(seconds=4),
    look_every=timedelta(milliseconds=20),
)
SENDER: Final = "Shop <orders@shop.example>"
PUBLIC_URL: Final = "https://shop.example"
OPEN: Final = "SELECT count(*) FROM eventstore.notification WHERE due_at IS NOT NULL"


@dataclass
class Mailing:
    pool: Pool
    vault: Vault
    search_key: SearchKey
    smtp_url: str
    pace: Pace = QUICK
    smtp_timeout: float = 0.5
    now: Clock = utc_now
    """The clock by which quiet hours are decided."""
    _store: PostgresEventStore = field(init=False)

    def __post_init__(self) -> None:
        self._store = PostgresEventStore(self.pool, (), self.vault)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.pool, Channel.EMAIL)

    @property
    def suppressions(self) -> Suppressions:
        return Suppressions(self.pool, self.search_key)

    @property
    def preferences(self) -> PreferenceStore:
        return PreferenceStore(self.pool)

    def sender(self) -> MailSender:
        settings = Settings(
            smtp_url=SecretStr(self.smtp_url),
            mail_from=SENDER,
            public_url=PUBLIC_URL,
            _env_file=None,
        )
        server = replace(SmtpServer.of(settings), timeout=self.smtp_timeout)
        policy = DeliveryPolicy(self.preferences, self.now)
        composer = Composer(
            self._store, self.vault, self.suppressions, policy, server.sender, PUBLIC_URL
        )
        return MailSender(self.outbox, composer, self.suppressions, server, self.pace)

    async def run(self) -> None:
        follower = NotificationFollower(self.pool, self._store, Channel.EMAIL)
        await together(follower.run(), self.sender().run())

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def switch_on(self) -> None:
        """Set the first checkpoint, from which the log is followed."""
        async with self.pool.acquire() as connection:
            await Leader(connection, self._store, Channel.EMAIL).start()

    async def follow(self) -> None:
        """Write the rows of everything that the log has."""
        async with self.pool.acquire() as connection:
            leader = Leader(connection, self._store, Channel.EMAIL)
            await leader.start()
            while page := await self._store.load_all_events(leader.position, 500):
                await leader.take(page)

    async def settle(self) -> None:
        """Follow the log, and send until nothing is left to send."""
        await self.follow()
        task = asyncio.create_task(self.sender().run())
        try:
            await eventually(self.is_settled, 20)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def is_settled(self) -> bool:
        return bool(await self.pool.fetchval(OPEN) == 0)

    async def states(self, order_id: str) -> Sequence[tuple[str, str]]:
        rows = await self._rows(order_id)
        return [(row["kind"], row["state"]) for row in rows]

    async def causes(self, order_id: str) -> Sequence[tuple[str, int, str | None]]:
        """Return the state, the attempts and the cause of each notification."""
        rows = await self._rows(order_id)
        return [(row["state"], row["attempts"], row["cause"]) for row in rows]

    async def _rows(self, order_id: str) -> Sequence[Any]:
        return await self.pool.fetch(
            "SELECT * FROM eventstore.notification WHERE order_id = $1 ORDER BY position, id",
            order_id,
        )
