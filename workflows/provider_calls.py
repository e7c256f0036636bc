"""Ask a provider; wait while it is down for everybody.

The time that the plan gives a step is for a provider that does not answer this order. While the
provider's breaker is open, that time does not run: the step waits, and then has its whole time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.exceptions import ActivityError
from temporalio.workflow import ActivityConfig

from activities.interface import ProviderActivities
from activities.types.failures import PROVIDER_PAUSED
from activities.types.payment import ProviderWaitInput
from workflows.failure import refusal_of

A = TypeVar("A")
R = TypeVar("R")


async def ask_provider(
    activity: Callable[[Any, A], Awaitable[R]],
    argument: A,
    asking: ActivityConfig,
    *,
    order_id: str,
    until: datetime,
) -> R:
    """Run the activity with these options, and again after each pause of its provider.

    The pauses may last until `until`, and at least for the step's own time. Then this raises the
    FailureError of the wait.
    """
    own_time = asking["schedule_to_close_timeout"] or timedelta(0)
    until = max(until, workflow.now() + own_time)
    while True:
        try:
            return await workflow.execute_activity_method(activity, argument, **asking)
        except ActivityError as error:
            provider = _paused_provider(error)
            if provider is None or workflow.now() >= until:
                raise
            await _answering(provider, order_id, asking, until)


async def _answering(provider: str, order_id: str, asking: ActivityConfig, until: datetime) -> None:
    waiting = ActivityConfig({**asking, "schedule_to_close_timeout": until - workflow.now()})
    await workflow.execute_activity_method(
        ProviderActivities.await_provider, ProviderWaitInput(provider, order_id), **waiting
    )


def _paused_provider(error: ActivityError) -> str | None:
    failure = refusal_of(error)
    if failure is None or failure.type != PROVIDER_PAUSED:
        return None
    [provider, *_] = failure.details
    return str(provider)
