"""The interface of an event bus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from eventstore.envelope import StoredEvent


@dataclass(frozen=True, slots=True)
class Holdings:
    """The bus's report of its contents. Sequences are the bus's own numbers, not positions."""

    generation: str
    """It changes when the bus has lost everything and starts empty."""
    first_sequence: int
    last_sequence: int
    removed: int
    """The number of messages that are missing between the first and the last."""
    retention: timedelta | None
    """The age at which the bus drops a message; None: it keeps all."""
    difference: str | None
    """A line that says how the setup of the bus differs from what Waybill needs."""


@dataclass(frozen=True, slots=True)
class Published:
    """The sequences that the bus gave to a batch; 0: it had all of these events already."""

    first_sequence: int
    last_sequence: int


class EventBus(Protocol):
    """Carry events to consumers. The bus may deliver one twice, and never loses one it accepted.

    Each method raises BusError, within seconds when the bus does not answer.
    """

    async def publish(self, events: Sequence[StoredEvent]) -> Published:
        """Return once the bus keeps them all, those of one stream in their order.

        An event published again within two minutes is kept once. Raises EventTooLarge before it
        publishes any.
        """

    async def holdings(self) -> Holdings:
        """Ask the bus what it keeps. Set it up first if it is not."""

    async def oldest_position(self) -> int | None:
        """Return the position of the oldest event that the bus keeps; None: it has none."""

    async def aclose(self) -> None:
        """Close within a second, whether or not the bus answers."""
