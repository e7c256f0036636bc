"""A follower and a sender of mails, whose times are short."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from pydantic import SecretStr

from notifications.mail.composer import Composer
from notifications.mail.sender import MailSender
from notifications.mail.smtp import SmtpServer
from notifications.outbox import Channel, Outbox
from notifications.policy import Clock, DeliveryPolicy, utc_now
from notifications.preferences import PreferenceStore
from notifications.sender import Pace
from notifications.suppressions import Suppressions
from settings import Settings
from tests.support.notifying import Notifying

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
class Mailing(Notifying):
    channel = Channel.EMAIL
    smtp_url: str
    pace: Pace = QUICK
    smtp_timeout: float = 0.5
    now: Clock = utc_now
    """The clock by which quiet hours are decided."""

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.pool, Channel.EMAIL)

    @property
    def suppressions(self) -> Suppressions:
        return Suppressions(self.pool, self.search_key)

    @property
    def preferences(self) -> PreferenceStore:
        return PreferenceStore(self.pool)

    async def send(self) -> None:
        settings = Settings(
            smtp_url=SecretStr(self.smtp_url),
            mail_from=SENDER,
            public_url=PUBLIC_URL,
            _env_file=None,
        )
        server = replace(SmtpServer.of(settings), timeout=self.smtp_timeout)
        policy = DeliveryPolicy(self.preferences, self.now)
        composer = Composer(
            self.store, self.vault, self.suppressions, policy, server.sender, PUBLIC_URL
        )
        await MailSender(self.outbox, composer, self.suppressions, server, self.pace).run()

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
