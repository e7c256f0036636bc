"""The times of the automatic retries of a parked step."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

MAX_PAUSE: Final = timedelta(days=1)


def pause_before_retry(first: timedelta, parked_for: timedelta) -> timedelta:
    """Return the pause before the next retry of a step that has been parked for this time.

    As long as it was parked: so each pause doubles the time, up to a day. The pause needs no count
    of the retries, which a saga that is recovered would have lost.
    """
    return max(first, min(parked_for, MAX_PAUSE))
