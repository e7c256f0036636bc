"""Send the notifications of a channel from its outbox, whatever the channel is.

The channel opens a session, for example a connection to the mail server, and makes each attempt in
it. Everything else is here: the leases, the pauses, the outcomes, and the end of a worker.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from time import monotonic
from typing import Final, NoReturn, Protocol

from eventstore.errors import EventStoreError
from kit.faults import origin
from kit.restart import is_database_away, restarting
from kit.tasks import together
from notifications.outbox import Outbox, Outcome, State, Taken
from notifications.tracing import CAUSE, OUTCOME, attempting

KEEP: Final = timedelta(days=30)
"""The time that a notification is kept after it has ended."""
PRUNE_EVERY: Final = timedelta(minutes=1)
FINISH_SECONDS: Final = 2.0
"""A worker that stops finishes what it is sending, for at most this time."""

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
        """Return the pause after this number of attempts, with jitter of up to a quarter."""
        doubled: int = 2 ** min(attempts - 1, 20)
        pause = min(self.longest_pause, self.first_pause * doubled)
        return pause * random.uniform(0.75, 1.25)  # noqa: S311 - no secret


class NotSent(Exception):
    """The notification was not sent, or it is not known whether it was.

    `cause` is a code: it shows neither the recipient nor the words of the other server.
    """

    def __init__(
        self,
        cause: str,
        *,
        is_final: bool = False,
        is_broken: bool = False,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(cause)
        self.cause = cause
        self.is_final = is_final
        """Another attempt would be refused too."""
        self.is_broken = is_broken
        """The session cannot be used for another notification."""
        self.retry_after = retry_after
        """The other server asks for a pause of at least this time."""


class Session(Protocol):
    async def send(self, taken: Taken) -> Outcome:
        """Make one attempt. Raises NotSent."""


Connect = Callable[[], AbstractAsyncContextManager[Session]]
"""Open a session. Raises an error that `is_database_away` accepts when the other server is away."""


class Sender:
    """Run in every worker that has the role: each notification is taken by one of them."""

    def __init__(
        self, outbox: Outbox, connect: Connect, pace: Pace | None = None, *, in_flight: int = 1
    ) -> None:
        self._outbox = outbox
        self._connect = connect
        self._pace = pace or Pace()
        self._in_flight = in_flight
        self._pruned = monotonic()

    async def run(self) -> NoReturn:
        """Run until cancelled, and again after each time that a server was away."""
        await restarting(f"sending by {self._outbox.channel}", self._send_all, _may_restart)

    async def _send_all(self) -> None:
        await together(*(self._send_one_by_one() for _ in range(self._in_flight)))

    async def _send_one_by_one(self) -> NoReturn:
        while True:
            raise_if_cancelled()
            if await self._outbox.is_due():
                async with self._connect() as session:
                    while await self._send_next(session):
                        pass
            else:
                await asyncio.sleep(self._pace.look_every.total_seconds())
            await self._prune()

    async def _send_next(self, session: Session) -> bool:
        """Send the next notification; return whether the session may send another."""
        taken = await self._outbox.take(self._pace.lease)
        if taken is None:
            return False
        # A worker that stops would otherwise leave an attempt whose outcome it could have recorded.
        attempt = asyncio.create_task(self._attempt(session, taken))
        try:
            return await asyncio.shield(attempt)
        except asyncio.CancelledError:
            await asyncio.wait({attempt}, timeout=FINISH_SECONDS)
            attempt.cancel()
            raise

    async def _attempt(self, session: Session, taken: Taken) -> bool:
        """Make an attempt and record its outcome; return whether the session may send another."""
        with attempting(taken, self._outbox.channel) as span:
            outcome, is_usable = await self._outcome(session, taken)
            if span is not None:
                span.attributes |= {OUTCOME: outcome.state, CAUSE: outcome.cause}
        await self._outbox.record(taken, outcome)
        return is_usable

    async def _outcome(self, session: Session, taken: Taken) -> tuple[Outcome, bool]:
        is_usable = False
        try:
            async with asyncio.timeout(self._pace.attempt_timeout.total_seconds()):
                outcome = await session.send(taken)
            is_usable = True
        except NotSent as failed:
            outcome = self._after(taken, failed)
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
        return outcome, is_usable

    def _after(self, taken: Taken, failed: NotSent) -> Outcome:
        if failed.is_final:
            logger.warning("notification %s was refused: %s", taken.id, failed.cause)
            return Outcome(State.FAILED, failed.cause)
        return self._again(taken, failed.cause, failed.retry_after)

    def _again(self, taken: Taken, cause: str, at_least: timedelta | None = None) -> Outcome:
        """Return the outcome of an attempt that failed: another one, or none after the last."""
        if taken.attempts >= self._pace.max_attempts:
            logger.warning("notification %s was given up: %s", taken.id, cause)
            return Outcome(State.FAILED, cause)
        pause = max(self._pace.pause(taken.attempts), at_least or timedelta(0))
        return Outcome(State.PENDING, cause, pause)

    async def _prune(self) -> None:
        if monotonic() - self._pruned > PRUNE_EVERY.total_seconds():
            self._pruned = monotonic()
            await self._outbox.prune(KEEP)


def raise_if_cancelled() -> None:
    """Raise a cancellation that the client of a channel has swallowed: asyncio.wait_for may do so,
    until Python 3.12."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _may_restart(error: BaseException) -> bool:
    return is_database_away(error) or isinstance(error, EventStoreError)
