"""The bus on NATS JetStream."""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import timedelta
from typing import Final, Self

import nats
import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

from eventstore.cloudevents import CONTENT_TYPE, encode
from eventstore.envelope import StoredEvent
from kit.faults import one_line
from settings import SettingsError

STREAM: Final = "WAYBILL"
SUBJECTS: Final = "waybill.events"
ANSWER_SECONDS: Final = 2
KEPT_FOR: Final = timedelta(days=7)
"""A listener that was away for longer reads the log instead."""


_WRONG_SETTING: Final = re.compile("authorization|authentication|invalid", re.IGNORECASE)

logger = logging.getLogger(__name__)


class BusAway(ConnectionError):
    """NATS does not answer."""


def is_bus_away(error: BaseException) -> bool:
    """Tell whether NATS does not answer, or cannot do its work now."""
    return isinstance(error, OSError | nats.errors.Error)


async def ask(url: str) -> None:
    """Connect once and wait for an answer. Raises BusAway or SettingsError.

    A client that may reconnect never ends its first attempt, whatever the server answers.
    """
    try:
        connection = await nats.connect(
            url, allow_reconnect=False, connect_timeout=ANSWER_SECONDS, error_cb=_raise
        )
    except nats.errors.Error as error:
        if _WRONG_SETTING.search(str(error)):
            raise SettingsError(f"WAYBILL_NATS_URL: {one_line(error)}") from None
        raise BusAway(f"NATS does not answer: {one_line(error)}") from None
    except OSError as error:
        raise BusAway(f"NATS does not answer: {one_line(error)}") from None
    try:
        await connection.flush(ANSWER_SECONDS)
    finally:
        await connection.close()


async def _raise(error: Exception) -> None:
    """Without it, connect() tries for two minutes, and the default logs a traceback each time."""
    raise error


async def _log(error: Exception) -> None:
    logger.warning("NATS: %s", one_line(error))


class NatsBus:
    """An EventBus. The subject of an event is `waybill.events.<category>.<Type>`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._stream: JetStreamContext = client.jetstream()

    @classmethod
    async def connect(cls, url: str) -> Self:
        """Connect, and make the stream where there is none. Raises what `is_bus_away` names."""
        await ask(url)
        bus = cls(await nats.connect(url, max_reconnect_attempts=-1, error_cb=_log))
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
        await self._client.close()  # what was published is acknowledged by then
