"""The messages of a partition that a member of a group holds.

The thread that consumes adds messages, and the event loop takes them. Each field is written by one
of the two, so that no lock is needed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from confluent_kafka import Message as KafkaMessage

from eventbus.kafka.messages import received
from eventbus.source import Message

MAX_BATCH: Final = 100
MAX_KEPT: Final = 2_000
"""The messages of a partition that wait here; when there are more, its consumption pauses."""
MAX_KEPT_BYTES: Final = 4_000_000


class Held:
    """A partition, from its assignment to its loss."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.is_lost = False
        self.is_paused = False
        self._kept: deque[KafkaMessage] = deque()
        self._added = self._added_bytes = 0
        self._taken = self._taken_bytes = 0

    @property
    def has_messages(self) -> bool:
        return bool(self._kept) and not self.is_lost

    @property
    def is_full(self) -> bool:
        return (
            self._added - self._taken >= MAX_KEPT
            or self._added_bytes - self._taken_bytes >= MAX_KEPT_BYTES
        )

    @property
    def has_room(self) -> bool:
        """Return whether so few messages are left that more are needed."""
        return self._added - self._taken <= MAX_BATCH

    def add(self, message: KafkaMessage) -> None:
        self._kept.append(message)
        self._added += 1
        self._added_bytes += len(message)

    def take(self) -> Batch:
        taken = [self._kept.popleft() for _ in range(min(MAX_BATCH, len(self._kept)))]
        self._taken += len(taken)
        self._taken_bytes += sum(map(len, taken))
        return Batch(self, taken)


class Batch(list[Message]):
    """Messages of one partition, and the offset behind them."""

    def __init__(self, held: Held, messages: Sequence[KafkaMessage]) -> None:
        super().__init__(map(received, messages))
        self.held = held
        self.end = (messages[-1].offset() or 0) + 1
