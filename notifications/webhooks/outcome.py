"""Name the outcomes of an attempt to deliver, and say what each means for the endpoint."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Final

MAX_RETRY_AFTER: Final = timedelta(hours=6)
"""A longer `Retry-After` counts as this time."""


class Outcome(StrEnum):
    """The end of an attempt. These are values of a metric's label, so there are few."""

    DELIVERED = "delivered"
    GONE = "gone"
    REDIRECTED = "redirected"
    RATE_LIMITED = "rate_limited"
    REJECTED = "rejected"
    SERVER_ERROR = "server_error"
    UNAVAILABLE = "unavailable"
    BAD_ANSWER = "bad_answer"
    TIMEOUT = "timeout"
    NOT_CONNECTED = "not_connected"
    BAD_CERTIFICATE = "bad_certificate"
    UNRESOLVED = "unresolved"
    FORBIDDEN_ADDRESS = "forbidden_address"

    @property
    def concerns_endpoint(self) -> bool:
        """Return True if other events would fail too: the endpoint as a whole is to wait."""
        return self in _OF_THE_ENDPOINT


_OF_THE_ENDPOINT: Final = frozenset(
    {
        Outcome.RATE_LIMITED,
        Outcome.UNAVAILABLE,
        Outcome.TIMEOUT,
        Outcome.NOT_CONNECTED,
        Outcome.BAD_CERTIFICATE,
        Outcome.UNRESOLVED,
        Outcome.FORBIDDEN_ADDRESS,
    }
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The end of one request: `status` is None if no answer came."""

    outcome: Outcome
    status: int | None = None
    retry_after: timedelta | None = None
    """The time that the receiver asks to be left alone, within limits."""


_BY_STATUS: Final = {
    410: Outcome.GONE,
    429: Outcome.RATE_LIMITED,
    502: Outcome.UNAVAILABLE,
    503: Outcome.UNAVAILABLE,
    504: Outcome.UNAVAILABLE,
}
_BY_CLASS: Final = {
    2: Outcome.DELIVERED,
    3: Outcome.REDIRECTED,
    4: Outcome.REJECTED,
    5: Outcome.SERVER_ERROR,
}


def outcome_of(status: int) -> Outcome:
    return _BY_STATUS.get(status) or _BY_CLASS.get(status // 100, Outcome.BAD_ANSWER)


def retry_after(header: str, now: datetime | None = None) -> timedelta | None:
    """Return the time that a `Retry-After` header asks for (RFC 9110), or None for another text."""
    text = header.strip()
    if text.isascii() and text.isdigit():
        asked = timedelta(seconds=min(int(text[:9]), MAX_RETRY_AFTER.total_seconds()))
    else:
        try:
            at = parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return None
        at = at if at.tzinfo else at.replace(tzinfo=UTC)
        asked = at - (now or datetime.now(UTC))
    return min(max(asked, timedelta(0)), MAX_RETRY_AFTER)
