"""What a failed step says for itself, in words that anybody may read."""

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

from activities.types import PROVIDER_REFUSED
from domain.errors import ErrorCode

OVERDUE: Final = "OVERDUE"
NO_ANSWER: Final = "NO_ANSWER"
_OURS: Final = {*ErrorCode, PROVIDER_REFUSED, OVERDUE}
"""Types of failures whose messages we wrote ourselves, free of anything personal."""


@dataclass(frozen=True, slots=True)
class Failure:
    code: str
    message: str
    is_refusal: bool
    """Asking again changes nothing: somebody has to change something first."""


def refusal_of(error: BaseException | None) -> ApplicationError | None:
    """The failure of ours or of a provider behind a failed step, out of what it came wrapped in."""
    while isinstance(error, ActivityError | ChildWorkflowError):
        error = error.cause
    return error if isinstance(error, ApplicationError) else None


def describe(error: FailureError) -> Failure:
    refusal = refusal_of(error)
    if refusal is not None and refusal.type is not None and refusal.type in _OURS:
        return Failure(refusal.type, refusal.message, is_refusal=refusal.type != OVERDUE)
    if refusal is not None:  # an error that nobody foresaw: its text may hold anything
        code = refusal.type or type(refusal).__name__
        return Failure(code, "an unexpected error; see the worker's log", refusal.non_retryable)
    cause = error.cause
    if isinstance(cause, NoAnswerInTime):
        return Failure(NO_ANSWER, "no answer within its time", is_refusal=False)
    return Failure(type(cause or error).__name__, "it was broken off", is_refusal=False)


def overdue(message: str) -> ApplicationError:
    """Something should have happened by now, and may happen yet."""
    return ApplicationError(message, type=OVERDUE)
