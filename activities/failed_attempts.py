"""Record the failed attempts of a saga's steps, each with its times and its failure.

Temporal knows them too, while it keeps the history; here they can be read with the rest of the
saga. Recording is best effort: losing a record changes nothing else.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import astuple, dataclass
from datetime import datetime
from typing import Final, Protocol

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.types.failures import (
    DATABASE_UNAVAILABLE,
    NO_ANSWER,
    PROVIDER_PAUSED,
    PROVIDER_REFUSED,
    PROVIDER_UNAVAILABLE,
)
from activities.types.parking import ParkInput
from domain.errors import ErrorCode, Refused
from domain.ids import order_of_workflow, refund_of_workflow
from domain.saga.plan import FINALIZERS, ORDER_PLAN, RETURN_PLAN, refund_order
from eventstore.errors import AppendRolledBack, InvalidAppend
from kit.bounded_gather import NotStarted
from kit.pool import Pool
from kit.restart import is_database_away
from providers.errors import ProviderError, ProviderPaused, ProviderRefused

logger = logging.getLogger(__name__)

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
# A second run of the activity that parks a step is the same failure.
_NOTE_PARKED: Final = """
    INSERT INTO journal.parked_attempt AS p
        (order_id, step, parking, count, code, message, failed_at, retry_at)
    VALUES ($1, $2, $3, 1, $4, $5, $6, $7)
    ON CONFLICT (order_id, step) DO UPDATE
    SET count = CASE WHEN p.parking = $3 THEN p.count + 1 ELSE 1 END,
        parking = $3, code = $4, message = $5, failed_at = $6, retry_at = $7
    WHERE p.failed_at < $6
"""
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


@dataclass(frozen=True, slots=True)
class ParkedAttempt:
    """The latest failure of a parked step. `retry_at` is None while it waits for an operator."""

    order_id: str
    step: str
    parking: int
    code: str
    message: str
    failed_at: datetime
    retry_at: datetime | None

    @classmethod
    def of(cls, park: ParkInput, parking: int) -> ParkedAttempt:
        retry_at = None if park.retry_in is None else park.failed_at + park.retry_in
        about = (park.order_id, park.step, parking, park.code, park.message)
        return cls(*about, park.failed_at, retry_at)


class FailureLedger(Protocol):
    """Its methods never raise, and never take long."""

    async def note(self, attempt: FailedAttempt) -> None:
        """Record the attempt."""

    async def note_parked(self, attempt: ParkedAttempt) -> None:
        """Record the latest failure of a parked step, and count it."""


class FailedAttempts:
    """The FailureLedger in PostgreSQL."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def note(self, attempt: FailedAttempt) -> None:
        about = (attempt.order_id, attempt.step, attempt.code, attempt.message)
        await self._record(_NOTE, *about, attempt.started_at)

    async def note_parked(self, attempt: ParkedAttempt) -> None:
        await self._record(_NOTE_PARKED, *astuple(attempt))

    async def _record(self, statement: str, *facts: object) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_SECONDS), self._pool.acquire() as connection:
                await connection.execute(statement, *facts)
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


def described(error: Exception) -> tuple[str, str]:
    """Return a code and a message, neither of which holds personal data."""
    failure = failure_of(error)
    if failure is None:
        return type(error).__name__, "an unexpected error; see the worker's log"
    return failure.type or "", failure.message


def failure_of(error: Exception) -> ApplicationError | None:  # noqa: PLR0911 - one for each failure
    """Return the failure that Temporal keeps, with a type and a text without personal data.

    Temporal does not retry a refusal. Return None for an error that no code of ours foresees.
    """
    if (message := of_the_database(error)) is not None:
        return ApplicationError(message, type=DATABASE_UNAVAILABLE)
    match error:
        case Refused():
            return _final(error.message, list(error.field), type=error.code)
        case ProviderRefused():
            return _final(str(error), [error.code], type=PROVIDER_REFUSED)
        case ProviderPaused():  # the workflow waits, and then runs the step again
            return _final(str(error), error.provider, type=PROVIDER_PAUSED)
        case ProviderError():
            return ApplicationError(str(error), type=PROVIDER_UNAVAILABLE)
        case InvalidAppend():  # the log will never accept this append
            return _final(str(error), type=ErrorCode.INVALID_INPUT)
        case NotStarted():
            message = "not started: other calls failed, or used up the time"
            return ApplicationError(message, type="NOT_BEGUN")
        case ApplicationError() if error.type == NO_ANSWER:
            return error
        case _:
            return None


def _final(message: str, *details: object, type: str) -> ApplicationError:  # noqa: A002 - the SDK's name
    return ApplicationError(message, *details, type=type, non_retryable=True)


def of_the_database(error: Exception) -> str | None:
    """Return the reason why PostgreSQL did not serve the attempt, or None for another failure."""
    if isinstance(error, AppendRolledBack):
        return str(error)
    if is_database_away(error):
        return f"PostgreSQL does not answer, or cannot work now ({type(error).__name__})"
    return None
