"""Record the failed attempts of a saga's steps, each with its times and its failure.

Temporal knows them too, while it keeps the history; here they can be read with the rest of the
saga. Recording is best effort: losing a record changes nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from temporalio import activity
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
MAX_KEPT: Final = 100
"""The failed attempts of one step that are kept: the newest. Their numbers count all of them."""
_NOTE: Final = f"""
    WITH earlier AS (
        SELECT coalesce(max(number), 0) AS count
        FROM journal.failed_attempts
        WHERE order_id = $1 AND step = $2
    ), forgotten AS (
        DELETE FROM journal.failed_attempts
        WHERE order_id = $1 AND step = $2
          AND number <= (SELECT count FROM earlier) + 1 - {MAX_KEPT}
    )
    INSERT INTO journal.failed_attempts
        (order_id, step, number, code, message, started_at, failed_at)
    SELECT $1, $2, count + 1, $3, $4, $5, clock_timestamp()
    FROM earlier
"""  # noqa: S608 - a constant
_PLANS: Final = (*ORDER_PLAN, *RETURN_PLAN)
_UNDOS: Final = (*(step.undo for step in _PLANS if step.undo), *FINALIZERS)
_STEPS: Final = {*(step.name for step in _PLANS), *(undo.name for undo in _UNDOS)}
_STEP_OF: Final = {
    "authorize_again": "authorize",
    "backorder": "reserve",
    "check_hold": "await_dispatch",
    "end_hold": "ask_again",
    "lapse_return": "await_goods",
    "look_up": "await_payment",
    "stop_parcel": "ask_again",
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
    started_at: datetime


class FailureLedger(Protocol):
    async def note(self, attempt: FailedAttempt) -> None:
        """Record the attempt. Never raises, and never takes long."""


class FailedAttempts:
    """The FailureLedger in PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def note(self, attempt: FailedAttempt) -> None:
        facts = (
            *(attempt.order_id, attempt.step, attempt.code, attempt.message),
            attempt.started_at,
        )
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS), self._pool.acquire() as connection:
                await connection.execute(_NOTE, *facts)
        except Exception as error:  # noqa: BLE001 - the activity's own failure is what matters
            logger.warning("a failed attempt was not recorded: %s", type(error).__name__)


def failed_attempt(info: activity.Info, error: Exception) -> FailedAttempt | None:
    """Return the failed attempt, or None for an activity that is no step of a saga."""
    workflow_id, type_ = info.workflow_id or "", info.activity_type
    order_id = order_of_workflow(workflow_id)
    step = type_ if type_ in _STEPS else _STEP_OF.get(type_)
    if (refund := refund_of_workflow(workflow_id)) is not None:
        step = refund_order(refund).name
    if order_id is None or step is None:
        return None
    return FailedAttempt(order_id, step, *described(error), started_at=info.started_time)


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
