"""Publish events to the stream, and ask what it keeps."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final, Self

from nats.js.api import PubAck
from nats.js.errors import NotFoundError

from eventbus.bus import Holdings, Published
from eventbus.errors import BusUnavailable, EventTooLarge
from eventbus.nats.connection import NatsConnection
from eventbus.nats.messages import (
    MAX_MESSAGE_BYTES,
    at_most_bytes,
    headers_of,
    message_bytes,
    subject_of,
)
from eventbus.nats.names import STREAM
from eventbus.nats.stream import difference, require_stream
from eventbus.turns import Turn, Turns
from eventstore.cloudevents import MalformedCloudEvent, decode, encode
from eventstore.envelope import StoredEvent
from kit.tasks import together

PUBLISH_TIMEOUT: Final = timedelta(seconds=5)
MAX_IN_FLIGHT: Final = 100
"""The number of messages that may wait for their acknowledgement at once."""


class NatsPublisher:
    """A Publisher. Messages of one stream are published one after another, so that one that fails
    holds back the later ones."""

    def __init__(self, connection: NatsConnection) -> None:
        self._connection = connection
        self._max_message_size = -1
        self._may_publish = asyncio.Semaphore(MAX_IN_FLIGHT)
        self._turns = Turns()

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
        await self._connection.require()
        self.require_room(events)
        streams: dict[str, list[StoredEvent]] = defaultdict(list)
        for event in events:
            streams[event.stream_id].append(event)
        acknowledged: list[PubAck] = []
        with self._turns.taken(streams) as turns:
            await together(
                *(
                    self._publish_in_turn(turns[stream_id], of_stream, acknowledged)
                    for stream_id, of_stream in streams.items()
                )
            )
        return _published(acknowledged)

    async def _publish_in_turn(
        self, turn: Turn, events: Iterable[StoredEvent], acknowledged: list[PubAck]
    ) -> None:
        if not await turn.comes():
            raise BusUnavailable("an earlier event of the same stream was not published")
        for event in events:
            async with self._may_publish:
                acknowledged.append(await self._publish(event))
        turn.pass_on()

    async def _publish(self, event: StoredEvent) -> PubAck:
        message_id = str(event.event_id)
        with self._connection.translated():
            while True:
                async with asyncio.timeout(PUBLISH_TIMEOUT.total_seconds()):
                    ack = await self._connection.acknowledged.publish(
                        subject_of(event), encode(event), headers_of(event, message_id)
                    )
                if not ack.duplicate or await self._keeps(ack.seq):
                    return ack
                # NATS knows an id for two minutes, even when it has lost the message since.
                message_id = f"{event.event_id}/{ack.seq}"

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


def _published(acknowledged: Sequence[PubAck]) -> Published:
    new = [ack.seq for ack in acknowledged if not ack.duplicate]
    return Published(min(new, default=0), max(new, default=0))
