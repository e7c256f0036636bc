"""Describe an endpoint, the events that wait for it, and the attempts to deliver them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from notifications.webhooks.choosing import Choice
from notifications.webhooks.outcome import Answer

TEST_POSITION = 0
TEST_TYPE = "WebhookTested"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An endpoint as the process that leads it reads it."""

    id: UUID
    url: str
    choice: Choice
    revision: int
    """Counts the changes of operators. A leader that knows an earlier one records nothing."""
    position: int
    """Every event up to there is delivered, or waits in a row of its own."""
    failures: int
    """The number of pauses since the last success."""
    failing_for: timedelta | None
    is_paused: bool
    is_lost: bool
    """The log has lost the position."""
    waiting: int
    """The number of rows that wait."""
    keys: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event to deliver. `row` is False for one above the cursor, which has none yet."""

    event_id: UUID
    stream_id: str
    position: int
    event_type: str
    body: bytes
    recorded_at: datetime
    is_row: bool = False
    attempts: int = 0
    failing_for: timedelta = timedelta(0)
    traceparent: str | None = None
    """The trace of the event."""

    @property
    def is_test(self) -> bool:
        return self.position == TEST_POSITION


@dataclass(frozen=True, slots=True)
class Attempt:
    delivery: Delivery
    answer: Answer
    at: datetime
    duration: timedelta

    @property
    def is_delivered(self) -> bool:
        return self.answer.outcome == "delivered"
