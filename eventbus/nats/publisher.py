"""Publish events to the stream, and ask what it keeps."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Final, Self

from nats.js.errors import NotFoundError

from eventbus.bus import Holdings, Published
from eventbus.errors import EventTooLarge
from eventbus.nats.acknowledged import Acknowledgement
from eventbus.nats.connection import NatsConnection
from eventbus.nats.messages import MAX_MESSAGE_BYTES, at_most_bytes, message_bytes, message_of
from eventbus.nats.names import STREAM
from eventbus.nats.stream import difference, require_stream
from eventbus.order import Order, Place
from eventstore.cloudevents import MalformedCloudEvent, decode
from eventstore.envelope import StoredEvent
from kit.tasks import together

MAX_IN_FLIGHT: Final = 100
"""The number of messages that may wait for their acknowledgement at once."""


class NatsPublisher:
    """A Publisher. It sends a message once JetStream keeps the one before it in its stream.

    NATS handles the messages of a connection in their order, but it may refuse one and keep the
    next. The client may lose some with a connection and send later ones over the next connection.
    """

    def __init__(self, connection: NatsConnection) -> None:
        self._connection = connection
        self._max_message_size = -1
        self._order = Order()

    @classmethod
    async def connect(cls, url: str) -> Self:
        """Raises BusUnavailable within seconds, or SettingsError for a wrong URL or password."""
        return cls(await NatsConnection.connect(url))

    def require_room(self, events: Sequence[StoredEvent]) -> None:
        limit = self._connection.client.max_payload
        if self._max_message_size >= 0:
            limit = min(limit, self._max_message_size)
        for event in events:
            if at_most_bytes(event) > limit and (size := message_bytes(event)) > limit:
                raise EventTooLarge(event.position, size, limit)

    async def publish(self, events: Sequence[StoredEvent]) -> Published:
        self.require_room(events)
        with self._order.taken(events) as call:
            await self._connection.require()
            self._send()
            with self._connection.translated():
                while claimed := await call.claimed():
                    await together(*(self._check(place) for place in claimed))
                    self._send()
        return Published(call.first_sequence, call.last_sequence)

    def _send(self) -> None:
        """Send what is ready, as far as the window has room."""
        acknowledged, ready = self._connection.acknowledged, self._order.ready
        while ready and len(acknowledged) < MAX_IN_FLIGHT:
            place = ready.popleft()
            if place.call.has_ended:
                continue
            try:
                message = message_of(place.event, place.sequence)
            except ValueError as error:
                self._order.fail(place.call, error)
            else:
                acknowledged.send(*message, partial(self._answered, place))

    def _answered(self, place: Place, answer: Acknowledgement | Exception) -> None:
        if isinstance(answer, Exception):
            self._order.fail(place.call, answer)
        elif answer.is_duplicate:
            place.call.claim(place, answer.sequence)
        else:
            place.call.note_new(answer.sequence)
            self._order.keep(place)
        self._send()

    async def _check(self, place: Place) -> None:
        """Look whether JetStream keeps the event that it calls a duplicate.

        It knows an id for two minutes, even when it has lost the message since.
        """
        if await self._keeps(place.sequence):
            self._order.keep(place)
        else:
            self._order.send_again(place)

    async def _keeps(self, sequence: int) -> bool:
        try:
            await self._connection.stream.get_msg(STREAM, sequence)
        except NotFoundError:
            return False
        return True

    async def holdings(self) -> Holdings:
        await self._connection.require()
        with self._connection.translated():
            info = await require_stream(self._connection)
        first, last = max(info.state.first_seq, 1), info.state.last_seq
        limit, max_age = info.config.max_msg_size, info.config.max_age
        self._max_message_size = -1 if limit is None else limit
        max_payload = self._connection.client.max_payload
        return Holdings(
            generation=str(info.created),
            first_sequence=first,
            last_sequence=last,
            removed=last - first + 1 - info.state.messages,
            retention=timedelta(seconds=max_age) if max_age else None,
            difference=difference(info.config, max_payload, MAX_MESSAGE_BYTES),
        )

    async def oldest_position(self) -> int | None:
        await self._connection.require()
        with self._connection.translated():
            state = (await require_stream(self._connection)).state
            if not state.messages:
                return None
            message = await self._connection.stream.get_msg(STREAM, state.first_seq)
        with suppress(MalformedCloudEvent):
            return decode(message.data or b"").position
        return None

    async def aclose(self) -> None:
        await self._connection.aclose()
