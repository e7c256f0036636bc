"""The bus on NATS JetStream."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final, Self

import nats
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

from eventstore.cloudevents import CONTENT_TYPE, encode
from eventstore.envelope import StoredEvent

STREAM: Final = "WAYBILL"
SUBJECTS: Final = "waybill.events"
KEPT_FOR: Final = timedelta(days=7)
"""A listener that was away for longer reads the log instead."""


class NatsBus:
    """An EventBus. The subject of an event is `waybill.events.<category>.<Type>`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stream: JetStreamContext = client.jetstream()

    @classmethod
    async def connect(cls, url: str) -> Self:
        """Connect, and make the stream where there is none."""
        bus = cls(await nats.connect(url, max_reconnect_attempts=-1))
        try:
            await bus._stream.stream_info(STREAM)
        except NotFoundError:
            await bus._stream.add_stream(
                StreamConfig(
                    name=STREAM,
                    subjects=[f"{SUBJECTS}.>"],
                    max_age=KEPT_FOR.total_seconds(),
                    duplicate_window=timedelta(minutes=2).total_seconds(),
                )
            )
        return bus

    async def publish(self, *events: StoredEvent) -> None:
        await asyncio.gather(*(self._publish(event) for event in events))

    async def _publish(self, event: StoredEvent) -> None:
        await self._stream.publish(
            f"{SUBJECTS}.{event.category}.{event.type}",
            encode(event),
            headers={"Nats-Msg-Id": str(event.event_id), "Content-Type": CONTENT_TYPE},
        )

    async def aclose(self) -> None:
        await self._client.drain()
