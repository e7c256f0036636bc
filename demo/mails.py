"""Compare the notifications of the run's orders with the mails that the mail sink has taken."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import httpx

from eventstore.postgres import PostgresEventStore
from kit.eventually import eventually
from kit.pool import Pool, create_pool
from notifications.follower import checkpoint_of
from notifications.outbox import Channel, State
from settings import Settings
from stack.ports import LOOPBACK

WAIT_SECONDS: Final = 15.0
_POLL_SECONDS: Final = 0.1
_FOLLOWED: Final = "SELECT position >= $2 FROM eventstore.checkpoint WHERE name = $1"
_OPEN: Final = """
    SELECT count(*) FROM eventstore.notification
    WHERE order_id = ANY ($1) AND channel = 'email' AND due_at IS NOT NULL
"""
_SENT: Final = """
    SELECT id::text FROM eventstore.notification
    WHERE order_id = ANY ($1) AND channel = 'email' AND state = $2
"""


@dataclass(frozen=True, slots=True)
class Mails:
    url: str
    sent: int
    """The notifications that were sent, one for each final fact of an order with an address."""
    missing: int
    """Those of them whose mail has not arrived."""
    waiting: int
    """The notifications that are still to be sent."""

    @property
    def faults(self) -> Sequence[str]:
        return [f"{self.missing} mails were sent and have NOT arrived"] if self.missing else []

    def __str__(self) -> str:
        waiting = f" {self.waiting} are still to be sent." if self.waiting else ""
        return (
            f"{self.sent - self.missing} mails have arrived, one for each final fact: read them at"
            f" {self.url}.{waiting}"
        )


async def gather_mails(
    settings: Settings, http: httpx.AsyncClient, orders: Sequence[str]
) -> Mails | None:
    """Wait for the mails of these orders, and count them; None without the stack's mail sink."""
    url = f"http://{LOOPBACK}:{settings.mail_sink_port}"
    if settings.smtp_url.get_secret_value() != f"smtp://{LOOPBACK}:{settings.smtp_port}":
        return None
    async with await create_pool(settings.database_url.get_secret_value(), size=1) as pool:
        with suppress(TimeoutError):  # a worker that was killed delays its mail
            await eventually(lambda: _are_sent(pool, orders), WAIT_SECONDS, _POLL_SECONDS)
        sent = {row[0] for row in await pool.fetch(_SENT, orders, str(State.SENT))}
        waiting = await pool.fetchval(_OPEN, orders)
    listed = (await http.get(f"{url}/mails")).raise_for_status().json()
    arrived = {mail["message_id"].strip("<>").partition("@")[0] for mail in listed}
    return Mails(url, len(sent), len(sent - arrived), waiting)


async def _are_sent(pool: Pool, orders: Sequence[str]) -> bool:
    head = await PostgresEventStore(pool).safe_head()
    if not await pool.fetchval(_FOLLOWED, checkpoint_of(Channel.EMAIL), head):
        return False
    return bool(await pool.fetchval(_OPEN, orders) == 0)
