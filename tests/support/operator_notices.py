"""The causes of notices to operators, and the watch and the senders with short times."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from pydantic import SecretStr

from domain.saga.events import SagaParked, SagaRetried
from kit.eventually import eventually
from kit.pool import Pool
from kit.tasks import together
from notifications.mail.smtp import SmtpServer
from notifications.operators import notices, outbox
from notifications.operators.channel import Channel
from notifications.operators.mail import MailChannel
from notifications.operators.sender import NoticeSender
from notifications.operators.timing import Timing
from notifications.operators.watch import NoticeWatch
from notifications.operators.webhook import WebhookChannel
from notifications.sender import Pace
from notifications.webhooks.client import WebhookClient
from settings import Settings
from tests.support.mailing import QUICK
from tests.support.order_log import OrderLog

OPERATOR: Final = "operators@waybill.example"
KEY: Final = base64.b64decode("b3BlcmF0b3JzLW9wZXJhdG9ycy1vcGVyYXRvcnMtMTIz")
SOON: Final = Timing(
    gather=timedelta(0),
    pause=timedelta(0),
    look_every=timedelta(milliseconds=50),
)
"""The reminder and the flapping have their usual times: a test moves the rows into the past."""

_OPEN: Final = "SELECT key FROM eventstore.operator_notice WHERE closed_at IS NULL ORDER BY key"
_UNFINISHED: Final = "SELECT count(*) FROM eventstore.operator_message WHERE ended_at IS NULL"
_AGE: Final = """
    UPDATE eventstore.operator_notice
    SET closed_at = closed_at - $1::interval, opened_at = opened_at - $1::interval,
        waiting_since = waiting_since - $1::interval
"""
_AGE_MESSAGES: Final = """
    UPDATE eventstore.operator_message
    SET created_at = created_at - $1::interval, ended_at = ended_at - $1::interval
"""


def parked(order_id: str, step: str = "capture", **facts: Any) -> SagaParked:  # noqa: ANN401 - any field of the event
    given: dict[str, Any] = {"undoing": False, "parking": 1, "code": "PROVIDER_REFUSED"}
    given |= {"message": "refused", "workflow_id": f"order-{order_id}", **facts}
    return SagaParked(order_id=order_id, step=step, **given)


def retried(order_id: str, step: str = "capture", parking: int = 1) -> SagaRetried:
    return SagaRetried(order_id=order_id, step=step, parking=parking, reason="it works again")


async def park(log: OrderLog, order_id: str, parking: int = 1) -> None:
    await log.append(f"saga-{order_id}", parked(order_id, parking=parking))


async def retry(log: OrderLog, order_id: str, parking: int = 1) -> None:
    await log.append(f"saga-{order_id}", retried(order_id, parking=parking))


@dataclass
class Operators:
    """The notices of one worker, which says them by these channels."""

    pool: Pool
    smtp_url: str | None = None
    webhook_url: str | None = None
    timing: Timing = SOON
    pace: Pace = QUICK
    smtp_timeout: float = 0.5

    def channels(self, client: WebhookClient) -> Sequence[Channel]:
        channels: list[Channel] = []
        if self.smtp_url is not None:
            settings = Settings(
                smtp_url=SecretStr(self.smtp_url), mail_from="shop@shop.example", _env_file=None
            )
            server = replace(SmtpServer.of(settings), timeout=self.smtp_timeout)
            channels.append(MailChannel(server, OPERATOR, self.pace))
        if self.webhook_url is not None:
            channels.append(WebhookChannel(client, self.webhook_url, KEY))
        return channels

    async def run(self) -> None:
        client = WebhookClient(may_be_loopback=True)
        channels = self.channels(client)
        watch = NoticeWatch(self.pool, [channel.target for channel in channels], self.timing)
        senders = [NoticeSender(self.pool, channel, self.pace) for channel in channels]
        try:
            await together(watch.run(), *(sender.run() for sender in senders))
        finally:
            await client.aclose()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def look(self) -> None:
        """Look once, as the leader does: open, close and write, and send nothing."""
        client = WebhookClient(may_be_loopback=True)
        targets = [channel.target for channel in self.channels(client)]
        async with self.pool.acquire() as connection:
            await NoticeWatch(self.pool, targets, self.timing).look(connection)
        await client.aclose()

    async def prune(self) -> None:
        """Delete what is old, as the leader does."""
        async with self.pool.acquire() as connection:
            await notices.prune(connection)
            await outbox.prune(connection)

    async def settle(self) -> None:
        """Look once, and send until nothing is left to send."""
        await self.look()
        client = WebhookClient(may_be_loopback=True)
        senders = [NoticeSender(self.pool, c, self.pace).run() for c in self.channels(client)]
        task = asyncio.create_task(together(*senders))
        try:
            await eventually(self.is_settled)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await client.aclose()

    async def is_settled(self) -> bool:
        return bool(await self.pool.fetchval(_UNFINISHED) == 0)

    async def open(self) -> list[str]:
        """Return the keys of the open notices."""
        return [row["key"] for row in await self.pool.fetch(_OPEN)]

    async def pass_time(self, time: timedelta) -> None:
        """Move everything that has happened into the past."""
        await self.pool.execute(_AGE, time)
        await self.pool.execute(_AGE_MESSAGES, time)

    async def messages(self) -> list[tuple[str, str, int, str | None]]:
        """Return the channel, the state, the attempts and the cause of each message."""
        rows = await self.pool.fetch(
            "SELECT split_part(target, ':', 1), state, attempts, cause"
            " FROM eventstore.operator_message ORDER BY created_at, target"
        )
        return [tuple(row) for row in rows]
