"""Say when a failed delivery is tried again, and when the endpoint is given up."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Final

GIVE_UP_AFTER: Final = timedelta(days=3)
"""An endpoint at which one event has failed for this long is disabled at the next failure."""

DELAYS: Final = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 2 * 60, 10 * 60, 30 * 60, 60 * 60)
)
"""The pauses after the first failures. The last one repeats."""
JITTER: Final = 0.2
"""The share by which a pause is shorter or longer, so that endpoints do not fail in step."""


def delay_after(failures: int, retry_after: timedelta | None = None) -> timedelta:
    """Return the pause after this number of failures, at least the one that was asked for."""
    pause = DELAYS[min(failures, len(DELAYS)) - 1]
    pause *= 1 + JITTER * (2 * random.random() - 1)  # noqa: S311 - no secret
    return max(pause, retry_after or timedelta(0))
