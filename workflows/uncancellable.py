"""How a workflow gets to its end although it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from temporalio import workflow

T = TypeVar("T")


async def uncancellable(story: Coroutine[Any, Any, T], on_cancel: Callable[[], None]) -> T:
    """Run to the end whatever happens; a cancellation of the workflow is told, not obeyed.
    The end comes once everybody who has been promised an answer has got it.

    One shielded await is not enough: the shield protects the task, but the outer await still
    raises, and the SDK would close the run under it. So it is awaited again until it is done.
    """
    task = asyncio.create_task(_answered(story))
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            on_cancel()
    return task.result()


async def _answered(story: Coroutine[Any, Any, T]) -> T:
    end = await story
    await workflow.wait_condition(workflow.all_handlers_finished)
    return end
