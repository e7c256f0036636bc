"""Run a child workflow."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from temporalio import workflow
from temporalio.common import TypedSearchAttributes
from temporalio.exceptions import (
    ApplicationError,
    ChildWorkflowError,
    TerminatedError,
    WorkflowAlreadyStartedError,
)
from temporalio.workflow import ActivityConfig

from activities.interface import SagaActivities
from workflows.search_attributes import CUSTOMER

A = TypeVar("A")
R = TypeVar("R")

WHILE_THE_ID_IS_TAKEN: Final = timedelta(seconds=1)
MAX_PAUSE: Final = timedelta(minutes=1)
ENDING: Final = ActivityConfig(start_to_close_timeout=timedelta(seconds=15))
DOES_NOT_REPLAY: Final = "[TMPRL1100]"
"""The text that the failure of such a workflow begins with. The SDK gives the failure no type."""


async def run_child(
    run: Callable[[Any, A], Awaitable[R]],
    argument: A,
    *,
    id: str,  # noqa: A002 - the SDK's name
) -> R | None:
    """Run a child workflow to its end. Return None when it was cut off; the caller starts it again.

    The SDK loses the cancellation of a child whose start is not confirmed yet. So this function
    waits for the start and cancels afterwards. Raises ChildWorkflowError when the child failed, or
    was cancelled although its parent was not.
    """
    child = await _started(run, argument, id)
    try:
        return await child
    except ChildWorkflowError as error:
        if _was_cut_off(error.cause):
            return None
        raise


def _was_cut_off(cause: BaseException | None) -> bool:
    """Return whether it was terminated from outside, or its history no longer replays."""
    if isinstance(cause, ApplicationError):
        return cause.message.startswith(DOES_NOT_REPLAY)
    return isinstance(cause, TerminatedError)


async def _started(
    run: Callable[[Any, A], Awaitable[R]],
    argument: A,
    id: str,  # noqa: A002 - the SDK's name
) -> workflow.ChildWorkflowHandle[Any, R]:
    """Start the child. It is terminated with its parent; recovery starts it again from the log.

    An operator finds it in Temporal by its customer, as its parent.
    """
    of_parent = workflow.info().typed_search_attributes
    found_by = [pair for pair in of_parent if pair.key == CUSTOMER]
    pause = WHILE_THE_ID_IS_TAKEN
    while True:
        start = asyncio.create_task(
            workflow.start_child_workflow(
                run,
                argument,
                id=id,
                parent_close_policy=workflow.ParentClosePolicy.TERMINATE,
                search_attributes=TypedSearchAttributes(found_by),
            )
        )
        try:
            return await asyncio.shield(start)
        except WorkflowAlreadyStartedError:
            # The child of an earlier run of the parent is still closing; or the parent was reset,
            # and nothing closes it.
            await workflow.execute_activity_method(SagaActivities.end_orphan, id, **ENDING)
            await workflow.sleep(pause)
            pause = min(2 * pause, MAX_PAUSE)
        except asyncio.CancelledError:
            child = await start
            child.cancel()
            return child
