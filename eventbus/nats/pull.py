"""Pull the messages of one partition for a group, without a gap.

A durable consumer may hand a message to another process: one that held the partition before, or
whose connection was lost with the message on its way. The next message would then overtake it. So a
pull begins with a reset of the consumer, which forgets what was handed out and not acknowledged,
and counts the deliveries from 1. A delivery that is not the next one ends the pull, and it begins
again with a reset.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from time import monotonic
from typing import Final

from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from eventbus.nats.connection import NatsConnection
from eventbus.nats.messages import received
from eventbus.nats.names import STREAM, SUBJECTS
from eventbus.nats.stream import require_stream
from eventbus.source import Message

AT_ONCE: Final = 100
"""The number of messages that the consumer is given at most."""
PULLED: Final = 200
"""The number of messages that a pull asks for."""
MAX_IN_FLIGHT: Final = 2 * PULLED
"""The number of messages that may be delivered and not acknowledged, in each partition."""
MAX_PULLED_BYTES: Final = 4 * 2**20
PULL_EXPIRES: Final = timedelta(seconds=2)
"""It is below the time of a lease, so that no pull of a stopped process outlives its lease."""
SILENCE_TIMEOUT: Final = PULL_EXPIRES + timedelta(seconds=1)
"""NATS ends each pull in time. Without that answer, the connection was lost."""
ACK_WAIT: Final = timedelta(seconds=30)

_ENDS: Final = ("408", "409 Batch Completed", "409 Message Size Exceeds MaxBytes")
"""The ordinary ends of a pull. After any other one it begins with a reset."""
_TOKENS_WITHOUT_DOMAIN: Final = 9
_REQUEST: Final = json.dumps(
    {
        "batch": PULLED,
        "expires": int(PULL_EXPIRES.total_seconds() * 1e9),
        "max_bytes": MAX_PULLED_BYTES,
    }
).encode()

OnMessages = Callable[["Pull"], None]
IsHeld = Callable[[int], bool]
"""It returns whether this process certainly holds the partition."""


def consumer_of(group: str, partition: int) -> ConsumerConfig:
    name = f"{group}-{partition}"
    return ConsumerConfig(
        name=name,
        durable_name=name,
        description=f"partition {partition} for the consumers of group {group}",
        filter_subject=f"{SUBJECTS}.{partition}.>",
        deliver_policy=DeliverPolicy.ALL,
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT.total_seconds(),
        max_ack_pending=MAX_IN_FLIGHT,
        max_deliver=-1,
    )


class Pull:
    """A pull under way. It has bounded messages: those in hand, and at most PULLED behind them."""

    def __init__(
        self,
        connection: NatsConnection,
        group: str,
        partition: int,
        on_messages: OnMessages,
        is_held: IsHeld,
    ) -> None:
        self.partition = partition
        self.is_broken = False
        """A message may be missing: the pull must begin again."""
        self.is_ending = False
        """The partition is to be given up: it hands out no more messages."""
        self._connection = connection
        self._config = consumer_of(group, partition)
        self._subject = f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.{group}-{partition}"
        self._inbox = connection.client.new_inbox()
        self._subscription: Subscription | None = None
        self._on_messages = on_messages
        self._is_held = is_held
        self._arrived: deque[tuple[int, Msg]] = deque()
        self._in_hand: list[Msg] = []
        self._next_delivery = 1
        self._asked_until: float | None = None
        """The time by which NATS ends the request under way, if there is one."""

    async def begin(self) -> bool:
        """Begin after the last message that the group has acknowledged.

        Return False while another process still waits for messages of the partition.
        """
        connection, config = self._connection, self._config
        try:
            await connection.stream.add_consumer(STREAM, config)
        except NotFoundError:
            await require_stream(connection)
            await connection.stream.add_consumer(STREAM, config)
        state = await connection.stream.reset_consumer(STREAM, str(config.name))
        if state.info.num_waiting:
            return False
        self._subscription = await connection.client.subscribe(self._inbox, cb=self._receive)
        await self.ask()
        return True

    @property
    def has_messages(self) -> bool:
        return bool(self._arrived) and not self.is_ending

    def take(self) -> Sequence[Message]:
        """Return the next messages, which are in hand until done()."""
        count = min(len(self._arrived), AT_ONCE)
        taken = [self._arrived.popleft() for _ in range(count)]
        self._in_hand = [message for _, message in taken]
        return [received(message, self.partition, sequence) for sequence, message in taken]

    async def done(self) -> None:
        """Acknowledge the messages in hand."""
        for message in self._in_hand:
            await self._connection.client.publish(message.reply)
        self._in_hand = []
        await self.ask()

    async def ask(self) -> None:
        """Ask for messages, unless a request is under way or enough have arrived.

        A process that was stopped asks for none: they would be kept from the one that has taken
        the partition, until ACK_WAIT.
        """
        if self._asked_until is not None:
            self.is_broken |= monotonic() > self._asked_until
        elif len(self._arrived) + len(self._in_hand) <= PULLED and not self.is_ending:
            if not self._is_held(self.partition):
                self.is_broken = True
                return
            self._asked_until = monotonic() + SILENCE_TIMEOUT.total_seconds()
            await self._connection.client.publish(self._subject, _REQUEST, reply=self._inbox)

    async def end(self) -> None:
        """Take no more messages, and forget those that are not in hand."""
        self.is_ending = True
        self._arrived.clear()
        if self._subscription is not None:
            await self._subscription.unsubscribe()

    async def _receive(self, message: Msg) -> None:
        if self.is_broken:
            return
        if not message.reply:  # every message of the stream has a reply to acknowledge it by
            await self._end_request(message.headers or {})
            return
        sequence, delivery = numbers_of(message.reply)
        if delivery == self._next_delivery:
            self._next_delivery += 1
            self._arrived.append((sequence, message))
        else:
            self.is_broken = True
        self._on_messages(self)

    async def _end_request(self, status: Mapping[str, str]) -> None:
        text = f"{status.get('Status', '')} {status.get('Description', '')}"
        if text.startswith(_ENDS):
            self._asked_until = None
            await self.ask()
        else:
            self.is_broken = True
            self._on_messages(self)


def numbers_of(reply: str) -> tuple[int, int]:
    """Return the message's number in the stream, and the number of its delivery.

    The reply is `$JS.ACK.[<domain>.<account>.]<stream>.<consumer>.<times>.<sequence>.<delivery>...`
    """
    tokens = reply.split(".")
    at = 5 if len(tokens) == _TOKENS_WITHOUT_DOMAIN else 7
    return int(tokens[at]), int(tokens[at + 1])
