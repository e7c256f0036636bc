"""Record the failed attempts of a saga's steps, and the last failure of each step.

Temporal knows them too, while it keeps the history; here they can be read with the rest of the
saga. Recording is best effort: losing a record changes nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import Final, Protocol

from temporalio.exceptions import ApplicationError

from activities.types import DATABASE_UNAVAILABLE, NO_ANSWER, PROVIDER_REFUSED
from domain.errors import Refused
from domain.ids import order_of_workflow, refund_of_workflow
from domain.saga.plan import FINALIZERS, ORDER_PLAN, RETURN_PLAN, refund_order
from eventstore.errors import AppendRolledBack
from kit.bounded_gather import NotStarted
from kit.pool import Pool
from kit.restart import is_database_away
from providers.errors import ProviderError, ProviderRefused

logger = logging.getLogger(__name__)

PROVIDER_UNAVAILABLE: Final = "PROVIDER_UNAVAILABLE"

_TIMEOUT_SECONDS: Final = 1.0
_NOTE: Final = """
    INSERT INTO journal.failed_attempts AS f (order_id, step, count, code, message, failed_at)
    VALUES ($1, $2, 1, $3, $4, clock_timestamp())
    ON CONFLICT (order_id, step) DO UPDATE
    SET count = f.count + 1, code = $3, message = $4, failed_at = clock_timestamp()
"""
_PLANS: Final = (*ORDER_PLAN, *RETURN_PLAN)
_UNDOS: Final = (*(step.undo for step in _PLANS if step.undo), *FINALIZERS)
_STEPS: Final = {*(step.name for step in _PLANS), *(undo.name for undo in _UNDOS)}
_STEP_OF: Final = {
    "authorize_again": "authorize",
    "backorder": "reserve",
    "check_hold": "await_dispatch",
    "look_up": "await_payment",
    "lapse_return": "await_goods",
    "track": "track",
    "track_return": "await_goods",
}
"""The steps of the activities that have another name. `track` serves two steps."""


@dataclass(frozen=True, slots=True)
class FailedAttempt:
    order_id: str
    step: str
    code: str
    message: str


class FailureLedger(Protocol):
    async def note(self, attempt: FailedAttempt) -> None:
        """Record the attempt. Never raises, and never takes long."""


class FailedAttempts:
    """The FailureLedger in PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def note(self, attempt: FailedAttempt) -> None:
        facts = (attempt.order_id, attempt.step, attempt.code, attempt.message)
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS), self._pool.acquire() as connection:
                await connection.execute(_NOTE, *facts)
        except Exception as error:  # noqa: BLE001 - the activity's own failure is what matters
            logger.warning("a failed attempt was not recorded: %s", type(error).__name__)


def failed_attempt(workflow_id: str, activity_type: str, error: Exception) -> FailedAttempt | None:
    """Return the failed attempt, or None for an activity that is no step of a saga."""
    order_id = order_of_workflow(workflow_id)
    step = activity_type if activity_type in _STEPS else _STEP_OF.get(activity_type)
    if (refund := refund_of_workflow(workflow_id)) is not None:
        step = refund_order(refund).name
    if order_id is None or step is None:
        return None
    return FailedAttempt(order_id, step, *described(error))


def described(error: Exception) -> tuple[str, str]:  # noqa: PLR0911 - one for each failure
    """Return a code and a message, neither of which holds personal data."""
    if (failure := of_the_database(error)) is not None:
        return DATABASE_UNAVAILABLE, failure
    match error:
        case Refused():
            return error.code, error.message
        case ProviderRefused():
            return PROVIDER_REFUSED, str(error)
        case ProviderError():
            return PROVIDER_UNAVAILABLE, str(error)
        case NotStarted():
            return "NOT_BEGUN", "not started: other calls failed, or used up the time"
        case ApplicationError() if error.type == NO_ANSWER:
            return NO_ANSWER, error.message
        case _:
            return type(error).__name__, "an unexpected error; see the worker's log"


def of_the_database(error: Exception) -> str | None:
    """Return the reason why PostgreSQL did not serve the attempt, or None for another failure."""
    if isinstance(error, AppendRolledBack):
        return str(error)
    if is_database_away(error):
        return f"PostgreSQL does not answer, or cannot work now ({type(error).__name__})"
    return None
