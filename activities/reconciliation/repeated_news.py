"""Repeat a notification that has changed nothing less and less often.

A saga may not be able to act on a notification yet, for example while an earlier step is parked. It
keeps the notification. Each repetition would cost events of its history, which Temporal limits.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from domain.provider_notifications import PaymentNotification, ShipmentNotification
from kit.recent import Recent

REMEMBERED: Final = 10_000
FIRST_PAUSE_SECONDS: Final = 60.0
MAX_PAUSE_SECONDS: Final = 86_400.0


@dataclass(slots=True)
class _Sent:
    next_at: float = 0.0
    pause: float = 0.0
    """The pause after the next time; none after the first, which may have met a lost workflow."""


class RepeatedNews:
    """What this process has sent. `clock` counts seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sent: Recent[PaymentNotification | ShipmentNotification, _Sent] = Recent(REMEMBERED)

    def is_due(self, notification: PaymentNotification | ShipmentNotification) -> bool:
        """Return whether the notification is to be sent now, and remember it as sent."""
        sent, now = self._sent.get_or_make(notification, _Sent), self._clock()
        if now < sent.next_at:
            return False
        sent.next_at = now + sent.pause
        sent.pause = min(max(2 * sent.pause, FIRST_PAUSE_SECONDS), MAX_PAUSE_SECONDS)
        return True
