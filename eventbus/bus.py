"""The interface of an event bus.

The relay needs its Publisher: it carries the log to the bus. Consumers subscribe to an EventBus.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

from eventstore.envelope import StoredEvent
from kit.pool import Connection

Handler = Callable[[Connection, StoredEvent], Awaitable[None]]
"""Make the effect of an event, by statements on this connection, which is in a transaction.

The transaction also records that the group has handled the event. So the effect is made once, even
when the bus delivers the event again. A handler must not end the transaction. An effect outside
PostgreSQL may be repeated: derive its idempotency key from the event's id.
"""


@dataclass(frozen=True, slots=True)
class Consumption:
    """The way in which a consumer takes events."""

    ordered: bool = True
    """Later events of a stream wait while an earlier one fails. False: they are handled."""


IN_ORDER: Final = Consumption()


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


class Publisher(Protocol):
    """Put events on the bus. It may deliver one twice, and never loses one it accepted.

    Each method raises BusError, within seconds when the bus does not answer.
    """

    def require_room(self, events: Sequence[StoredEvent]) -> None:
        """Raise EventTooLarge for the first event whose message the bus does not accept."""

    async def publish(self, events: Sequence[StoredEvent]) -> Published:
        """Return once the bus keeps them all, those of one stream in their order.

        An event published again within two minutes is kept once. Raises EventTooLarge before it
        publishes any.

        It may be called again before an earlier call has returned. The events of one stream then
        keep the order of the calls. If one of them fails, the calls that wait for it fail too.
        """

    async def holdings(self) -> Holdings:
        """Ask the bus what it keeps. Set it up first if it is not."""

    async def oldest_position(self) -> int | None:
        """Return the position of the oldest event that the bus keeps; None: it has none."""

    async def aclose(self) -> None:
        """Close within a second, whether or not the bus answers."""


class EventBus(Publisher, Protocol):
    """Carry events to the consumer groups.

    Each event reaches each group at least once, and its effect is made once. Events of one stream
    are handled in their order. A group may have members in several processes, which share the
    partitions. A new group begins with the oldest message that the bus keeps.
    """

    async def subscribe(
        self,
        pattern: str,
        handler: Handler,
        *,
        group: str,
        filters: Mapping[str, str] | None = None,
        consumption: Consumption = IN_ORDER,
    ) -> None:
        """Handle the events of this pattern in the background, until unsubscribe() or close().

        See eventbus/routing.py for patterns and filters. A group has one subscription in a process.
        An event whose handler fails is retried, and becomes a dead letter in the end. Raises
        BadSubscription, and subscribes nothing.
        """

    async def unsubscribe(self, pattern: str, handler: Handler) -> None:
        """End the subscription. The group keeps its place. Raises BadSubscription if there is
        none."""

    async def close(self) -> None:
        """End all subscriptions and close the bus, within a second."""
