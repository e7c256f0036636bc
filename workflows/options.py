"""Set the time-outs and retries of activities.

A local activity costs no round trip to the server. It runs again with its whole workflow task when
that task is lost. So an activity is local only when it is short and uses the database alone. A
provider call is a regular activity: a charge is not repeated because a workflow task timed out.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType, ActivityConfig, LocalActivityConfig

from domain.saga.plan import PlanStep, Undo
from workflows.types import Deadlines

DATABASE: Final = LocalActivityConfig(
    start_to_close_timeout=timedelta(seconds=10),
    retry_policy=RetryPolicy(
        initial_interval=timedelta(milliseconds=100), maximum_interval=timedelta(seconds=5)
    ),
)

PROVIDER_RETRIES: Final = RetryPolicy(
    initial_interval=timedelta(milliseconds=250), maximum_interval=timedelta(seconds=15)
)
ATTEMPT: Final = timedelta(seconds=40)
HEARTBEAT: Final = timedelta(seconds=6)

LOOKING_FIRST: Final = ActivityConfig(
    start_to_close_timeout=timedelta(seconds=5),
    schedule_to_close_timeout=timedelta(seconds=8),
    retry_policy=RetryPolicy(maximum_attempts=1),
)
"""A look that a waiting caller can do without."""


def asking(step: PlanStep | Undo, deadlines: Deadlines) -> ActivityConfig:
    """Return the options of a regular activity of this step.

    Temporal retries it until it is answered or the time-out of the plan passes. A
    cancelled attempt is waited for, so that it never runs beside its undo.
    """
    return ActivityConfig(
        start_to_close_timeout=ATTEMPT,
        schedule_to_close_timeout=deadlines.of(step.timeout),
        heartbeat_timeout=HEARTBEAT,
        retry_policy=PROVIDER_RETRIES,
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )
