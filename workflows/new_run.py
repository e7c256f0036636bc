"""Continue a workflow as new when its history is long, between two calls.

A parked step may be retried for a year. The new run resumes from the log, as a recovery does.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from temporalio import workflow

MAX_HISTORY_EVENTS: Final = 1_000
"""The events after which a run ends at its next pause. Temporal suggests it at 4,096."""


class NewRun:
    def __init__(self) -> None:
        self._calls = 0
        self._is_wanted = False

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Do not begin the new run now: this one waits for an activity or for a child."""
        self._calls += 1
        try:
            yield
        finally:
            self._calls -= 1

    async def begin_if_long(self) -> None:
        """End this run if its history is long and it waits for no answer.

        The caller does not continue then, unless the new run is withdrawn.
        """
        if self._calls or not _is_long():
            return
        self._is_wanted = True
        await workflow.wait_condition(lambda: not self._is_wanted)

    def may_begin(self) -> bool:
        """Return whether this run may end: every caller of an update has its answer."""
        return self._is_wanted and not self._calls and workflow.all_handlers_finished()

    def withdraw(self) -> None:
        """Let this run continue: it knows something that is not in the log yet."""
        self._is_wanted = False


def _is_long() -> bool:
    info = workflow.info()
    is_suggested = info.is_continue_as_new_suggested()
    return is_suggested or info.get_current_history_length() >= MAX_HISTORY_EVENTS
