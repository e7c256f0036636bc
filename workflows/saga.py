"""The saga engine: steps go forward, each with its undo, until something turns the saga round.

What it guarantees. An undo is registered before its step runs. Nothing cancels an undo: neither a
cancelled workflow nor a second request. Undos run newest first, each until it has succeeded. An
undo has to bear that its step never happened. A step waits for one thing only: a cancellation may
be swallowed by an activity that ends well all the same, and is looked at again between steps.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from datetime import timedelta
from typing import Any, Final, TypeVar

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
)

from domain.order.commands import CancellationReason

T = TypeVar("T")
Undo = Callable[[], Awaitable[bool]]
"""Returns whether the step is undone; False means that it has gone too far for that."""

STEP_FAILURES: Final = (ActivityError, ApplicationError, ChildWorkflowError)
"""A local activity's failure comes as it is, an activity's wrapped in an ActivityError."""

PAUSE_BEFORE_INSISTING: Final = timedelta(minutes=1)


class TurnRound(Exception):
    """The saga goes forward no more."""

    def __init__(self, reason: CancellationReason) -> None:
        super().__init__(reason)
        self.reason = reason


class Saga:
    def __init__(self) -> None:
        self._undos: list[Undo] = []
        self._reason: CancellationReason | None = None

    @property
    def is_turning(self) -> bool:
        return self._reason is not None

    def turn_round(self, reason: CancellationReason) -> None:
        """Go no step further. The first reason stands."""
        self._reason = self._reason or reason

    def check(self) -> None:
        if self._reason is not None:
            raise TurnRound(self._reason)

    async def step(
        self,
        action: Callable[[], Coroutine[Any, Any, T]],
        *,
        undo: Undo | None = None,
        on_failure: CancellationReason,
    ) -> T:
        """Run the action, or raise TurnRound: asked to meanwhile, or because the action failed."""
        self.check()
        if undo is not None:
            self._undos.append(undo)
        task = asyncio.create_task(action())
        await workflow.wait_condition(lambda: task.done() or self.is_turning)
        if not task.done():
            task.cancel()
            await workflow.wait_condition(task.done)
        self.check()
        try:
            return await task
        except STEP_FAILURES:
            raise TurnRound(on_failure) from None

    async def compensate(self) -> bool:
        """Undo what was done, newest first. False: the newest could not be, and nothing was."""
        while self._undos:
            if not await insist(self._undos[-1]):
                self._reason = None
                return False
            self._undos.pop()
        return True


async def insist(action: Callable[[], Awaitable[T]]) -> T:
    """Run what has to succeed until it does, however final its failure looked.

    Temporal has already retried what is worth retrying; a person may be mending the rest.
    """
    while True:
        try:
            return await action()
        except STEP_FAILURES as error:
            refusal = refusal_of(error)
            workflow.logger.error("refused: %s; trying again", refusal and refusal.type)
        await workflow.sleep(PAUSE_BEFORE_INSISTING)


async def uncancellable(story: Coroutine[Any, Any, T], on_cancel: Callable[[], None]) -> T:
    """Run to the end whatever happens; a cancellation of the workflow is told, not obeyed.

    One shielded await is not enough: the shield protects the task, but the outer await still
    raises, and the SDK would close the run under it. So it is awaited again until it is done.
    """
    task = asyncio.create_task(story)
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            on_cancel()
    return task.result()


def refusal_of(error: FailureError) -> ApplicationError | None:
    """The refusal behind a failed step, if it was refused rather than broken."""
    failure = error.cause if isinstance(error, ActivityError) else error
    return failure if isinstance(failure, ApplicationError) else None
