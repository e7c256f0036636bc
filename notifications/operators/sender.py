"""Send the messages to one target."""

from __future__ import annotations

import asyncio
import logging
from typing import NoReturn

from kit.faults import origin
from kit.pool import Pool
from kit.restart import is_database_away, restarting
from notifications.operators.channel import Channel, Send
from notifications.operators.outbox import Message, Messages
from notifications.outbox import Outcome, State
from notifications.sender import FINISH_SECONDS, Pace, raise_if_cancelled

logger = logging.getLogger(__name__)


class NoticeSender:
    """Run in every worker that has the role: each message is taken by one of them."""

    def __init__(self, pool: Pool, channel: Channel, pace: Pace | None = None) -> None:
        self._messages = Messages(pool, channel.target)
        self._channel = channel
        self._pace = pace or Pace()

    async def run(self) -> NoReturn:
        """Run until cancelled, and again after each time that a server was away."""
        name = f"notices to operators by {self._channel.target}"
        await restarting(name, self._send_all, is_database_away)

    async def _send_all(self) -> NoReturn:
        while True:
            raise_if_cancelled()
            if await self._messages.is_due():
                async with self._channel.connected() as send:
                    await self._send_next(send)
            await asyncio.sleep(self._pace.look_every.total_seconds())

    async def _send_next(self, send: Send) -> None:
        message = await self._messages.take(self._pace.lease)
        if message is None:
            return
        # A worker that stops would otherwise leave a message whose outcome it could have recorded.
        attempt = asyncio.create_task(self._attempt(send, message))
        try:
            await asyncio.shield(attempt)
        except asyncio.CancelledError:
            await asyncio.wait({attempt}, timeout=FINISH_SECONDS)
            attempt.cancel()
            raise

    async def _attempt(self, send: Send, message: Message) -> None:
        try:
            outcome = await send(message)
        except Exception as error:  # noqa: BLE001 - a message is never the end of the role
            where = (type(error).__name__, origin(error))  # the message may hold an address
            logger.error("message %s to operators was not sent: %s (%s)", message.id, *where)  # noqa: TRY400
            pause = self._pace.pause(message.attempts)
            outcome = Outcome(State.PENDING, type(error).__name__, pause)
        await self._messages.record(message, outcome)
        if outcome.state is State.FAILED:
            logger.error(
                "message %s to operators by %s was given up after %d attempts: %s",
                *(message.id, self._channel.target, message.attempts, outcome.cause),
            )
