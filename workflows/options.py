"""How activities are called: which time-outs, which retries, and why.

A local activity costs no round trip to the server, but is run again with its whole workflow task
when that is lost; so only what is short and touches our database alone is one. A provider call is
a real activity: a charge is not repeated because a workflow task timed out.
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


def asking(step: PlanStep | Undo, deadlines: Deadlines) -> ActivityConfig:
    """For a provider's call of this step: tried again until it is answered, or until the plan's
    patience with it is at its end.

    A cancelled attempt is waited for, so that nothing of it runs on beside its undo.
    """
    return ActivityConfig(
        start_to_close_timeout=ATTEMPT,
        schedule_to_close_timeout=deadlines.of(step.timeout),
        heartbeat_timeout=HEARTBEAT,
        retry_policy=PROVIDER_RETRIES,
        cancellation_type=ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    )
