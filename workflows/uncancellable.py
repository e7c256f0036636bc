"""Let a workflow run to its end although it is cancelled."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from temporalio import workflow

from workflows.new_run import NewRun

T = TypeVar("T")


async def uncancellable(
    main: Coroutine[Any, Any, T],
    on_cancel: Callable[[], None],
    new_run: NewRun,
    next_input: Callable[[], object],
) -> T:
    """Run to the end; report a cancellation of the workflow to `on_cancel` and do not obey it.

    The workflow ends once every caller with an accepted update has got its answer. A workflow whose
    history is long continues as new, with `next_input`. A cancellation is in the memory of this run
    alone, so it withdraws the new run.
    """
    task = asyncio.create_task(_answered(main))

    def is_over() -> bool:
        return task.done() or new_run.may_begin()

    while not is_over():
        try:
            await workflow.wait_condition(is_over)
        except asyncio.CancelledError:
            on_cancel()
            new_run.withdraw()
    if not task.done():
        workflow.continue_as_new(next_input())
    return task.result()


async def _answered(main: Coroutine[Any, Any, T]) -> T:
    end = await main
    await workflow.wait_condition(workflow.all_handlers_finished)
    return end
