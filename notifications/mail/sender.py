"""Send the mails of the outbox, one after another."""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Final, NoReturn

from eventstore.errors import EventStoreError
from kit.faults import origin
from kit.restart import is_database_away, restarting
from notifications.mail.composer import Composer
from notifications.mail.message import Letter
from notifications.mail.smtp import NotSent, SmtpServer, SmtpSession
from notifications.outbox import Outbox, Outcome, State, Taken
from notifications.suppressions import SuppressionReason, Suppressions

KEEP: Final = timedelta(days=30)
"""The time that a notification is kept after it has ended."""
PRUNE_EVERY: Final = timedelta(minutes=1)
FINISH_SECONDS: Final = 2.0
"""A worker that stops finishes the mail that it is sending, for at most this time."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """The times of a sender. Its attempts are spread over about a day."""

    first_pause: timedelta = timedelta(seconds=15)
    """The pause after the first attempt. It doubles with each, up to the longest."""
    longest_pause: timedelta = timedelta(hours=1)
    max_attempts: int = 31
    attempt_timeout: timedelta = timedelta(seconds=60)
    lease: timedelta = timedelta(seconds=120)
    """After it, another sender repeats an attempt whose outcome is unknown. It is longer than an
    attempt can take."""
    look_every: timedelta = timedelta(seconds=1)

    def pause(self, attempts: int) -> timedelta:
        """Return the pause after so many attempts, with jitter of up to a quarter."""
        doubled: int = 2 ** min(attempts - 1, 20)
        pause = min(self.longest_pause, self.first_pause * doubled)
        return pause * random.uniform(0.75, 1.25)  # noqa: S311 - no secret


class MailSender:
    """Run in every worker that has the role: each mail is taken by one of them."""

    def __init__(
        self,
        outbox: Outbox,
        composer: Composer,
        suppressions: Suppressions,
        server: SmtpServer,
        pace: Pace | None = None,
    ) -> None:
        self._outbox = outbox
        self._composer = composer
        self._suppressions = suppressions
        self._server = server
        self._pace = pace or Pace()
        self._pruned = monotonic()

    async def run(self) -> NoReturn:
        """Run until cancelled, and again after each time that a server was away."""
        await restarting("sending mails", self._send_all, _may_restart)

    async def _send_all(self) -> NoReturn:
        while True:
            _raise_if_cancelled()
            if await self._outbox.is_due():
                async with self._server.session() as session:
                    while await self._send_next(session):
                        pass
            else:
                await asyncio.sleep(self._pace.look_every.total_seconds())
            await self._prune()

    async def _send_next(self, session: SmtpSession) -> bool:
        """Send the next mail; return whether the session may send another."""
        taken = await self._outbox.take(self._pace.lease)
        if taken is None:
            return False
        # A worker that stops would otherwise leave a mail whose outcome it could have recorded.
        attempt = asyncio.create_task(self._attempt(session, taken))
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            await asyncio.wait({attempt}, timeout=FINISH_SECONDS)
            attempt.cancel()
            raise

    async def _attempt(self, session: SmtpSession, taken: Taken) -> bool:
        """Make an attempt and record its outcome; return whether the session may send another."""
        is_usable = False
        try:
            async with asyncio.timeout(self._pace.attempt_timeout.total_seconds()):
                outcome = await self._send(session, taken)
            is_usable = True
        except NotSent as failed:
            outcome = await self._after(taken, failed)
            is_usable = not failed.is_broken
        except TimeoutError:
            outcome = self._again(taken, "no answer in time")
        except Exception as error:
            if is_database_away(error):
                raise
            # The message may hold personal data.
            where = (type(error).__name__, origin(error))
            logger.error("notification %s was not composed: %s (%s)", taken.id, *where)  # noqa: TRY400
            outcome, is_usable = self._again(taken, type(error).__name__), True
        await self._outbox.record(taken, outcome)
        return is_usable

    async def _send(self, session: SmtpSession, taken: Taken) -> Outcome:
        composed = await self._composer.compose(taken)
        if isinstance(composed, Letter):
            try:
                await session.send(composed)
            except NotSent as failed:
                if failed.is_bounce:
                    bounced = SuppressionReason.BOUNCED
                    await self._suppressions.suppress(composed.email, bounced)
                raise
            return Outcome(State.SENT)
        return composed

    async def _after(self, taken: Taken, failed: NotSent) -> Outcome:
        if failed.is_final:
            logger.warning("notification %s was refused: %s", taken.id, failed.cause)
            return Outcome(State.FAILED, failed.cause)
        return self._again(taken, failed.cause)

    def _again(self, taken: Taken, cause: str) -> Outcome:
        """Return the outcome of an attempt that failed: another one, or none after the last."""
        if taken.attempts >= self._pace.max_attempts:
            logger.warning("notification %s was given up: %s", taken.id, cause)
            return Outcome(State.FAILED, cause)
        return Outcome(State.PENDING, cause, self._pace.pause(taken.attempts))

    async def _prune(self) -> None:
        if monotonic() - self._pruned > PRUNE_EVERY.total_seconds():
            self._pruned = monotonic()
            await self._outbox.prune(KEEP)


def _raise_if_cancelled() -> None:
    """Raise a cancellation that the SMTP client has swallowed: asyncio.wait_for may do so, until
    Python 3.12."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _may_restart(error: BaseException) -> bool:
    return is_database_away(error) or isinstance(error, EventStoreError)
