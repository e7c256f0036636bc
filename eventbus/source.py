"""What each broker provides to the engine that consumes it: messages by partition, in their order.

The engine (`eventbus/consumer.py`) is the same for all brokers. It repeats what fails, remembers
each event that a group has handled, and keeps dead letters, all in PostgreSQL.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from eventbus.headers import type_in
from eventstore.cloudevents import decode
from eventstore.envelope import StoredEvent


@dataclass(frozen=True, slots=True)
class Message:
    """A message as the broker holds it; it need not be an event that this build can decode."""

    key: str
    """The stream's id. Messages with one key are handled in their order."""
    partition: int
    headers: Mapping[str, str]
    """The headers by name in lower case, with the CloudEvent's attributes in binary-mode names."""
    body: bytes
    origin: str
    """Where the broker keeps it: `WAYBILL/<sequence>`, or `<topic>/<partition>/<offset>`."""

    @property
    def category(self) -> str:
        return self.key.partition("-")[0]

    @property
    def event_type(self) -> str | None:
        """Return the type that the headers name; None: only the body can tell."""
        return type_in(self.headers)

    def event(self) -> StoredEvent:
        """Raises MalformedCloudEvent."""
        return decode(self.body)


class Deliveries(Protocol):
    """The messages of the partitions that this process holds now."""

    def __aiter__(self) -> AsyncIterator[Sequence[Message]]:
        """Yield messages of one partition, in its order: a bounded number of them.

        The next ones of that partition come only after `done`. Raises BusError.
        """

    async def done(self, messages: Sequence[Message]) -> None:
        """Tell the broker that these need not come again. Raises BusError."""


class Source(Protocol):
    """A broker, seen by a consumer group."""

    def deliveries(self, group: str) -> AbstractAsyncContextManager[Deliveries]:
        """Hold this process's share of the partitions for the group until the block ends.

        No other process of the group gets messages of these partitions meanwhile. One that is
        taken for dead may still be handling some: that harms nothing, since the engine remembers
        the events of a group in the transactions of their effects. Raises BusError.
        """
