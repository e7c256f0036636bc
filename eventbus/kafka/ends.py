"""The ends of the partitions, as one process knows them: a partition never becomes shorter."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Self

from eventbus.kafka.topic import TopicState


@dataclass
class Ends:
    generation: str = ""
    of: dict[int, int] = field(default_factory=dict)
    """The offset behind the last message that the partition is known to have had."""

    @property
    def total(self) -> int:
        return sum(self.of.values())

    def copy(self) -> Self:
        return replace(self, of=dict(self.of))

    def raise_to(self, offsets: Iterable[tuple[int, int]]) -> None:
        """Note that the brokers stored messages at these offsets of these partitions."""
        for partition, offset in offsets:
            self.of[partition] = max(self.of.get(partition, 0), offset + 1)

    def have(self, offsets: Iterable[tuple[int, int]]) -> bool:
        """Return whether a broker gave one of these offsets before: that message is lost."""
        return any(offset < self.of.get(partition, 0) for partition, offset in offsets)

    def compare(self, known: Ends, state: TopicState) -> int:
        """Return the number of messages that the topic has lost from the ends that were known
        before it was asked, and take its present ends."""
        highs = dict(enumerate(state.highs))
        lost = {p: end for p, end in known.of.items() if highs.get(p, 0) < end}
        if state.generation != known.generation:
            self.generation, self.of = state.generation, highs
            return 0
        for partition, high in highs.items():
            now = self.of.get(partition, 0)
            self.of[partition] = high if partition in lost else max(now, high)
        return sum(end - highs.get(partition, 0) for partition, end in lost.items())
