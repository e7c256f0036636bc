"""Describe the failure of a step, in words without personal data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ChildWorkflowError,
    FailureError,
)
from temporalio.exceptions import (
    TimeoutError as NoAnswerInTime,
)

from activities.types.failures import (
    DATABASE_UNAVAILABLE,
    NO_ANSWER,
    PROVIDER_PAUSED,
    PROVIDER_REFUSED,
    PROVIDER_UNAVAILABLE,
)
from domain.errors import ErrorCode

OVERDUE: Final = "OVERDUE"
_LATER: Final = frozenset(
    {
        *(OVERDUE, NO_ANSWER, DATABASE_UNAVAILABLE, PROVIDER_PAUSED, PROVIDER_UNAVAILABLE),
        ErrorCode.CHARGE_DISPUTED,  # the dispute may be closed without a notification
    }
)
"""The failures that a retry alone may settle."""
_OURS: Final = {*ErrorCode, PROVIDER_REFUSED, *_LATER}
"""The types of failures whose messages this code base writes, without personal data."""


@dataclass(frozen=True, slots=True)
class Failure:
    code: str
    message: str
    is_refusal: bool
    """A retry alone changes nothing: the cause has to be removed first."""


def refusal_of(error: BaseException | None) -> ApplicationError | None:
    """Return the refusal, by the domain or a provider, that made a step fail; unwrap its causes."""
    while isinstance(error, ActivityError | ChildWorkflowError):
        error = error.cause
    return error if isinstance(error, ApplicationError) else None


def describe(error: FailureError) -> Failure:
    """Describe a failure; of a step that ran out of time, the failure of its last attempt."""
    if (refusal := refusal_of(error)) is not None:
        return _described(refusal, is_refusal=_is_refusal(refusal))
    if (timeout := _timeout_of(error)) is None:
        return Failure(type(error.cause or error).__name__, "it was interrupted", is_refusal=False)
    if (last := refusal_of(timeout.cause)) is not None:
        return _described(last, is_refusal=False)
    return Failure(NO_ANSWER, "no answer within its time", is_refusal=False)


def _described(failure: ApplicationError, *, is_refusal: bool) -> Failure:
    if failure.type is not None and failure.type in _OURS:
        return Failure(failure.type, failure.message, is_refusal)
    # an unforeseen error, whose text may hold personal data
    code = failure.type or type(failure).__name__
    return Failure(code, "an unexpected error; see the worker's log", is_refusal)


def _is_refusal(failure: ApplicationError) -> bool:
    if failure.type is not None and failure.type in _OURS:
        return failure.type not in _LATER
    return failure.non_retryable


def _timeout_of(error: BaseException | None) -> NoAnswerInTime | None:
    """Return the time-out that ended the step. The SDK wraps that of no local activity."""
    while isinstance(error, ActivityError | ChildWorkflowError):
        error = error.cause
    return error if isinstance(error, NoAnswerInTime) else None


def overdue(message: str) -> ApplicationError:
    """Return the failure of a step that is late and may still succeed."""
    return ApplicationError(message, type=OVERDUE)
