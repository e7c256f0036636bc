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

from activities.types import (
    DATABASE_UNAVAILABLE,
    NO_ANSWER,
    PROVIDER_PAUSED,
    PROVIDER_REFUSED,
)
from domain.errors import ErrorCode

OVERDUE: Final = "OVERDUE"
_LATER: Final = frozenset({OVERDUE, NO_ANSWER, DATABASE_UNAVAILABLE, PROVIDER_PAUSED})
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
    refusal = refusal_of(error)
    if refusal is not None and refusal.type is not None and refusal.type in _OURS:
        return Failure(refusal.type, refusal.message, is_refusal=refusal.type not in _LATER)
    if refusal is not None:  # an unforeseen error, whose text may hold personal data
        code = refusal.type or type(refusal).__name__
        return Failure(code, "an unexpected error; see the worker's log", refusal.non_retryable)
    cause = error.cause
    if isinstance(cause, NoAnswerInTime):
        return Failure(NO_ANSWER, "no answer within its time", is_refusal=False)
    return Failure(type(cause or error).__name__, "it was interrupted", is_refusal=False)


def overdue(message: str) -> ApplicationError:
    """Return the failure of a step that is late and may still succeed."""
    return ApplicationError(message, type=OVERDUE)
