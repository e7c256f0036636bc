"""Run a step that uses the database alone: locally at first, and then as a regular activity.

Almost every step ends in milliseconds, and a local activity costs no round trip to Temporal. A step
that cannot end would repeat its local activity for ever, and each 8 s of it would add events to the
history. As a regular activity it is retried by Temporal, shown in the Web UI with its last failure,
and given up after the time of its plan. Then the saga parks it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, Final, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import FailureError
from temporalio.workflow import ActivityConfig, LocalActivityConfig

from workflows.failure import refusal_of

T = TypeVar("T")

_ONCE: Final = LocalActivityConfig(
    # The activity itself ends earlier: see activities/time_limit.py.
    start_to_close_timeout=timedelta(seconds=30),
    retry_policy=RetryPolicy(maximum_attempts=1),
)


async def run_on_database(
    activity: Callable[[Any, Any], Awaitable[T]], argument: object, asking: ActivityConfig
) -> T:
    """Return the activity's result. `asking` are the options of the regular activity."""
    try:
        return await workflow.execute_local_activity_method(activity, argument, **_ONCE)
    except FailureError as error:  # the SDK wraps no failure of a local activity
        failure = refusal_of(error)
        if failure is None or failure.non_retryable:
            raise
    return await workflow.execute_activity_method(activity, argument, **asking)
