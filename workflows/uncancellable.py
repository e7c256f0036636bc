"""Let a workflow run to its end although it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from temporalio import workflow

T = TypeVar("T")


async def uncancellable(main: Coroutine[Any, Any, T], on_cancel: Callable[[], None]) -> T:
    """Run to the end; report a cancellation of the workflow to `on_cancel` and do not obey it.

    The workflow ends once every caller with an accepted update has got its answer. One shielded
    await is not enough: the shield protects the task, but the outer await still raises. The SDK
    would then close the run while the task runs. So the task is awaited again until it is done.
    """
    task = asyncio.create_task(_answered(main))
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            on_cancel()
    return task.result()


async def _answered(main: Coroutine[Any, Any, T]) -> T:
    end = await main
    await workflow.wait_condition(workflow.all_handlers_finished)
    return end
