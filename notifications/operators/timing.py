"""The times of the notices to operators."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Timing:
    remind_after: timedelta = timedelta(hours=1)
    """The time after its message at which an unacknowledged notice is repeated once."""
    gather: timedelta = timedelta(seconds=10)
    """The time from a notice to its message: causes that come together are said together."""
    pause: timedelta = timedelta(minutes=1)
    """The shortest time from the end of one message to the next one for the same target."""
    flap_window: timedelta = timedelta(minutes=5)
    """A cause that returns within this time after its end opens its notice again, and is not said
    again."""
    look_every: timedelta = timedelta(seconds=2)
