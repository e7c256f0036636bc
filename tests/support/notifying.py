"""Follow the log for one channel of notifications, and send what is due."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import ClassVar, Final

from eventstore.postgres import PostgresEventStore
from eventstore.privacy.search_key import SearchKey
from eventstore.privacy.vault import Vault
from kit.eventually import eventually
from kit.pool import Pool
from kit.tasks import together
from notifications.follower import Leader, NotificationFollower
from notifications.outbox import Channel
from tests.support.beside import beside

PAGE: Final = 500
SETTLED_WITHIN_SECONDS: Final = 30
OPEN: Final = """
    SELECT count(*) FROM eventstore.notification WHERE channel = $1 AND due_at IS NOT NULL
"""


@dataclass
class Notifying(ABC):
    channel: ClassVar[Channel]
    pool: Pool
    vault: Vault
    search_key: SearchKey
    store: PostgresEventStore = field(init=False)

    def __post_init__(self) -> None:
        self.store = PostgresEventStore(self.pool, (), self.vault)

    @abstractmethod
    async def send(self) -> None:
        """Send what is due until cancelled."""

    async def run(self) -> None:
        follower = NotificationFollower(self.pool, self.store, self.channel)
        await together(follower.run(), self.send())

    def running(self) -> AbstractAsyncContextManager[None]:
        return beside(self.run())

    def sending(self) -> AbstractAsyncContextManager[None]:
        return beside(self.send())

    async def switch_on(self) -> None:
        """Set the first checkpoint, from which the log is followed."""
        async with self.pool.acquire() as connection:
            await Leader(connection, self.store, self.channel).start()

    async def follow(self) -> None:
        """Write the rows of everything that the log has."""
        async with self.pool.acquire() as connection:
            leader = Leader(connection, self.store, self.channel)
            await leader.start()
            while page := await self.store.load_all_events(leader.position, PAGE):
                await leader.take(page)

    async def settle(self) -> None:
        """Follow the log, and send until nothing is left to send."""
        await self.follow()
        async with self.sending():
            await eventually(self.is_settled, SETTLED_WITHIN_SECONDS)

    async def is_settled(self) -> bool:
        return bool(await self.pool.fetchval(OPEN, self.channel) == 0)
