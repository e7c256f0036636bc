"""A streaming replica that serves reads: its lag, its faults, and the updates that it delivers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import timedelta
from time import monotonic
from typing import Final, Generic, NoReturn, Protocol, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from eventstore.errors import PositionLost
from kit.faults import one_line
from queries.log import LogQueries
from queries.updates import Follows

CATCH_UP_TIMEOUT: Final = timedelta(seconds=2)
"""The time that a reader waits for the replica to replay a position, before the primary serves."""
CATCH_UP_POLL_SECONDS: Final = 0.02
WATCH_SECONDS: Final = 1.0
"""The interval at which the replica is compared with the primary."""
ANSWER_TIMEOUT: Final = timedelta(seconds=2)
"""The time within which the replica tells its head; after it, the replica counts as away."""

logger = logging.getLogger(__name__)


class ReplicaLost(Exception):
    """The replica serves no reads now: read on from the primary."""


class ReplicaLog(LogQueries):
    """The log of the replica, which may be behind the log of the primary."""

    def __init__(self, engine: AsyncEngine, primary: LogQueries) -> None:
        super().__init__(engine)
        self._primary = primary

    async def covers(self, position: int) -> bool:
        """Wait until the replica has replayed this position, at most for CATCH_UP_TIMEOUT.

        A position that the primary has not drawn is not waited for.
        """
        if await super().covers(position):
            return True
        if not await self._primary.covers(position):
            return False
        give_up_at = monotonic() + CATCH_UP_TIMEOUT.total_seconds()
        while monotonic() < give_up_at:
            await asyncio.sleep(CATCH_UP_POLL_SECONDS)
            if await super().covers(position):
                return True
        return False


class ReplicaWatch:
    """Decides whether the replica may serve reads: it answers, and its lag is below the limit.

    The lag is the time since the replica had everything that the primary had. A head that nobody
    announces is a lag too.
    """

    def __init__(
        self,
        primary: LogQueries,
        replica: LogQueries,
        max_lag: timedelta,
        on_loss: Callable[[], None],
    ) -> None:
        self._primary = primary
        self._replica = replica
        self._max_lag = max_lag
        self._on_loss = on_loss
        self._target = 0
        self._target_seen_at = monotonic()
        self.lag_seconds = 0.0
        """The time for which the replica had been behind when it was last compared."""
        self.problem: str | None = "it has not answered yet"
        """The reason for which the primary serves all reads; None while the replica serves them."""

    @property
    def is_usable(self) -> bool:
        return self.problem is None

    async def run(self) -> NoReturn:
        while True:
            await self.look()
            await asyncio.sleep(WATCH_SECONDS)

    async def look(self) -> None:
        """Compare the replica with the primary."""
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
                head = await self._replica.safe_head()
        except Exception as error:  # noqa: BLE001 - any fault means that it cannot serve reads
            self.lag_seconds = monotonic() - self._target_seen_at
            self.report(error)
        else:
            self.lag_seconds = await self._lag(head)
            self._set(self._lag_problem(self.lag_seconds))

    def report(self, error: BaseException) -> None:
        """Read from the primary until the replica answers again."""
        self._set(f"it does not answer ({type(error).__name__})")

    async def _lag(self, head: int) -> float:
        """Return for how long the replica has been behind the head that the primary had first."""
        now = monotonic()
        if head < self._target:
            return now - self._target_seen_at
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
                self._target = await self._primary.safe_head()
        except Exception as error:  # noqa: BLE001 - the replica serves while the primary is away
            logger.debug("the head of the primary is unknown: %s", one_line(error))
        self._target_seen_at = now
        return 0.0

    def _lag_problem(self, seconds: float) -> str | None:
        return f"it is {seconds:.1f} s behind" if seconds > self._max_lag.total_seconds() else None

    def _set(self, problem: str | None) -> None:
        was_usable, self.problem = self.is_usable, problem
        if was_usable and problem is not None:
            logger.warning("reading from the primary, not from the replica: %s", problem)
            self._on_loss()
        elif not was_usable and problem is None:
            logger.warning("reading from the replica")


class HasPosition(Protocol):
    @property
    def position(self) -> int: ...


T = TypeVar("T", bound=HasPosition)


class UpdatesOverReplica(Generic[T]):
    """Follow a subject over the replica, and over the primary from the update that fails there.

    It does not return to the replica: the watcher might see an older state of an order again.
    """

    def __init__(
        self,
        primary: Follows[T],
        replica: Follows[T],
        log: LogQueries,
        watch: ReplicaWatch,
    ) -> None:
        self._primary = primary
        self._replica = replica
        self._log = log
        self._watch = watch

    async def follow(self, subject_id: str, after: int | None, /) -> AsyncGenerator[T, None]:
        """Yield what the follower of one database yields, without a gap and without a repeat."""
        position = after
        try:
            if self._watch.is_usable and (after is None or await self._log.covers(after)):
                async with aclosing(self._replica.follow(subject_id, after)) as updates:
                    async for update in updates:
                        position = update.position
                        yield update
                if position is not None:
                    return
                # Otherwise the replica does not have the order yet.
        except PositionLost:
            raise
        except Exception as error:  # noqa: BLE001 - the primary repeats a fault of another cause
            logger.info("a subscriber follows the primary from now on: %s", one_line(error))
        async with aclosing(self._primary.follow(subject_id, position)) as updates:
            async for update in updates:
                yield update
