"""Let the steps of one process wait for a stream here, and not in PostgreSQL.

A step that waits for a lock in PostgreSQL holds a connection, so one product in demand would take
all the connections of its worker. The steps that wait here for the same streams have their turn
together, and share one transaction: docs/decisions/0041-group-commit.md.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from activities.attempt import Attempt, Handled

MAX_STREAMS: Final = 128
"""The streams of the steps that share a transaction, added up. Each may take a lock in a table that
all transactions of the server share."""


@dataclass(slots=True)
class _Batch:
    """The attempts of one turn."""

    attempts: list[Attempt] = field(default_factory=list)
    streams: set[str] = field(default_factory=set)
    size: int = 0

    def takes(self, attempt: Attempt) -> bool:
        """Return whether the attempt is the first one, or waits for the streams of the others.

        The key of a request is recorded with its own transaction, which is of this request alone.
        """
        return not self.attempts or (
            not self.streams.isdisjoint(attempt.shared)
            and self.size + len(attempt.aggregates) <= MAX_STREAMS
            and attempt.key is None
            and self.attempts[0].key is None
        )

    def add(self, attempt: Attempt) -> None:
        self.attempts.append(attempt)
        self.streams |= attempt.shared
        self.size += len(attempt.aggregates)


class Turns:
    """No two turns of a process use the same stream at once, and no attempt overtakes an older one
    that waits for the same stream."""

    def __init__(self, run: Callable[[Sequence[Attempt]], Coroutine[None, None, None]]) -> None:
        self._run = run
        self._waiting: list[Attempt] = []
        """The oldest first."""
        self._used: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, attempt: Attempt) -> Handled:
        """Wait for the attempt's turn and return its outcome.

        A turn has a task of its own, since a caller may be cancelled while the others of the turn
        still wait. The turn of which every caller is cancelled is cancelled too.
        """
        self._waiting.append(attempt)
        self._start()
        return await attempt.outcome

    def _start(self) -> None:
        while (batch := self._next()).attempts:
            self._used |= batch.streams
            run = self._run(batch.attempts)
            task = asyncio.create_task(run, context=batch.attempts[0].context)
            self._tasks.add(task)
            task.add_done_callback(partial(self._end, batch))
            for attempt in batch.attempts:
                attempt.outcome.add_done_callback(partial(_cancel_unwanted, task, batch))

    def _next(self) -> _Batch:
        """Take the oldest attempt that can begin, and those that can share its transaction."""
        batch, waiting, unavailable = _Batch(), list[Attempt](), {*self._used}
        for attempt in self._waiting:
            if attempt.is_given_up:
                continue
            if unavailable.isdisjoint(attempt.shared) and batch.takes(attempt):
                batch.add(attempt)
            else:
                waiting.append(attempt)
                unavailable |= attempt.shared
        self._waiting = waiting
        return batch

    def _end(self, batch: _Batch, task: asyncio.Task[None]) -> None:
        """Begin the next turns. A task that is cancelled before it runs ends here too."""
        self._tasks.discard(task)
        self._used -= batch.streams
        for attempt in batch.attempts:
            attempt.outcome.cancel()  # without effect where there is an outcome
        self._start()


def _cancel_unwanted(task: asyncio.Task[None], batch: _Batch, _: asyncio.Future[Handled]) -> None:
    if all(attempt.is_given_up for attempt in batch.attempts):
        task.cancel()
