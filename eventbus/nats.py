"""The bus on NATS JetStream."""

from __future__ import annotations

import asyncio
import logging
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Final, Self
from urllib.parse import urlsplit

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import PubAck, RetentionPolicy, StorageType, StreamConfig, StreamInfo
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from eventbus.bus import Holdings, Published
from eventbus.errors import BusRefusal, BusUnavailable, EventTooLarge
from eventstore.cloudevents import (
    CONTENT_TYPE,
    MAX_ENVELOPE_BYTES,
    MalformedCloudEvent,
    decode,
    encode,
)
from eventstore.envelope import StoredEvent
from eventstore.validation import MAX_EVENT_BYTES, MAX_VERSION
from kit.faults import one_line
from kit.tasks import together
from settings import SettingsError

STREAM: Final = "WAYBILL"
SUBJECTS: Final = "waybill.events"
KEPT_FOR: Final = timedelta(days=7)
"""A consumer that was away for longer reads the log instead."""
DUPLICATE_WINDOW: Final = timedelta(minutes=2)

MAX_HEADER_BYTES: Final = 256
MAX_BYTES_PER_LETTER: Final = 4
"""The longest code of UTF-8."""
MAX_MESSAGE_BYTES: Final = MAX_EVENT_BYTES + MAX_ENVELOPE_BYTES + MAX_HEADER_BYTES
"""The largest message of an event that the log accepts. NATS counts the headers."""

CONNECT_TIMEOUT: Final = timedelta(seconds=2)
ANSWER_TIMEOUT: Final = timedelta(seconds=2)
PUBLISH_TIMEOUT: Final = timedelta(seconds=5)
CLOSE_TIMEOUT: Final = timedelta(seconds=1)
PING_INTERVAL_SECONDS: Final = 10
"""The client gives up a connection on which two pings had no answer."""
MAX_IN_FLIGHT: Final = 100
"""The number of messages that may wait for their acknowledgement at once."""

CONFIG: Final = StreamConfig(
    name=STREAM,
    subjects=[f"{SUBJECTS}.>"],
    retention=RetentionPolicy.LIMITS,
    storage=StorageType.FILE,
    max_age=KEPT_FOR.total_seconds(),
    max_msgs=-1,
    max_bytes=-1,
    max_msgs_per_subject=-1,
    max_msg_size=-1,
    duplicate_window=DUPLICATE_WINDOW.total_seconds(),
    no_ack=False,
    sealed=False,
)
_COMPARED: Final = (
    *("subjects", "retention", "storage", "max_age", "max_msgs", "max_bytes"),
    *("max_msgs_per_subject", "max_msg_size", "duplicate_window", "no_ack", "sealed"),
)
"""The settings of the stream that the promises need. Others, such as replicas, are the
operator's."""

_WRONG_SETTING: Final = re.compile("authorization|authentication|invalid", re.IGNORECASE)

logger = logging.getLogger(__name__)


class NatsBus:
    """An EventBus. The subject of an event is `waybill.events.<category>.<Type>`."""

    def __init__(self, url: str, client: Client) -> None:
        self._url = url
        self._client = client
        self._max_message_size = -1

    @classmethod
    async def connect(cls, url: str) -> Self:
        """Connect, and reconnect from then on.

        Raises BusUnavailable within seconds, or SettingsError for a wrong URL or password.
        """
        return cls(url, await _connected_client(url))

    def require_room(self, events: Sequence[StoredEvent]) -> None:
        for event in events:
            self._require_room(event)

    async def publish(self, events: Sequence[StoredEvent]) -> Published:
        await self._require_connection()
        self.require_room(events)
        streams: dict[str, list[StoredEvent]] = defaultdict(list)
        for event in events:
            streams[event.stream_id].append(event)
        acknowledged: list[PubAck] = []
        may_publish = asyncio.Semaphore(MAX_IN_FLIGHT)

        async def publish_in_order(events_of_stream: Iterable[StoredEvent]) -> None:
            for event in events_of_stream:
                async with may_publish:
                    acknowledged.append(await self._publish(event))

        await together(*(publish_in_order(stream) for stream in streams.values()))
        return _published(acknowledged)

    async def holdings(self) -> Holdings:
        await self._require_connection()
        with _translated(self._url):
            info = await self._info()
        first, last = max(info.state.first_seq, 1), info.state.last_seq
        self._max_message_size = (
            -1 if info.config.max_msg_size is None else info.config.max_msg_size
        )
        max_age = info.config.max_age
        return Holdings(
            generation=str(info.created),
            first_sequence=first,
            last_sequence=last,
            removed=last - first + 1 - info.state.messages,
            retention=timedelta(seconds=max_age) if max_age else None,
            difference=_difference(info.config, self._client.max_payload),
        )

    async def oldest_position(self) -> int | None:
        await self._require_connection()
        with _translated(self._url):
            state = (await self._info()).state
            if not state.messages:
                return None
            message = await self._stream.get_msg(STREAM, state.first_seq)
        with suppress(MalformedCloudEvent):
            return decode(message.data or b"").position
        return None

    async def aclose(self) -> None:
        await _close(self._client)

    @property
    def _stream(self) -> JetStreamContext:
        return self._client.jetstream(timeout=ANSWER_TIMEOUT.total_seconds())

    async def _require_connection(self) -> None:
        if self._client.is_closed:  # The client closes itself when the server refuses it.
            self._client = await _connected_client(self._url)
        if not self._client.is_connected:
            # While the client reconnects, a request would only wait for its time-out.
            raise BusUnavailable(f"NATS at {address_of(self._url)} does not answer")

    def _require_room(self, event: StoredEvent) -> None:
        limit = self._client.max_payload
        if self._max_message_size >= 0:
            limit = min(limit, self._max_message_size)
        if _at_most(event) > limit and (size := message_bytes(event)) > limit:
            raise EventTooLarge(event.position, size, limit)

    async def _publish(self, event: StoredEvent) -> PubAck:
        message_id = str(event.event_id)
        with _translated(self._url):
            while True:
                ack = await self._stream.publish(
                    subject_of(event),
                    encode(event),
                    timeout=PUBLISH_TIMEOUT.total_seconds(),
                    stream=STREAM,
                    headers=headers_of(message_id),
                )
                if not ack.duplicate or await self._keeps(ack.seq):
                    return ack
                # NATS knows an id for two minutes, even when it has lost the message since.
                message_id = f"{event.event_id}/{ack.seq}"

    async def _keeps(self, sequence: int) -> bool:
        try:
            await self._stream.get_msg(STREAM, sequence)
        except NotFoundError:
            return False
        return True

    async def _info(self) -> StreamInfo:
        try:
            return await self._stream.stream_info(STREAM)
        except NotFoundError:
            logger.warning("stream %s does not exist: creating it", STREAM)
            return await self._stream.add_stream(CONFIG)


@contextmanager
def _translated(url: str) -> Iterator[None]:
    """Raise BusError for every error of the client."""
    try:
        yield
    except NoStreamResponseError:
        raise BusRefusal(f"no stream of NATS at {address_of(url)} takes {SUBJECTS}.>") from None
    except APIError as error:
        raise BusRefusal(f"stream {STREAM} of NATS refuses: {_reason(error)}") from None
    except nats.errors.Error as error:
        raise BusUnavailable(f"NATS at {address_of(url)} does not answer: {error}") from None


def _reason(error: APIError) -> str:
    return error.description or "JetStream is not available"


def subject_of(event: StoredEvent) -> str:
    return f"{SUBJECTS}.{event.category}.{event.type}"


def headers_of(message_id: str) -> dict[str, str]:
    return {"Nats-Msg-Id": message_id, "Content-Type": CONTENT_TYPE}


def message_bytes(event: StoredEvent) -> int:
    """Return the size of the event's message as NATS counts it: its headers and its body."""
    return header_bytes(event) + len(encode(event))


def header_bytes(event: StoredEvent) -> int:
    """Return the size of the headers with the longest message id that the event may get."""
    headers = headers_of(f"{event.event_id}/{MAX_VERSION}") | {"Nats-Expected-Stream": STREAM}
    return len("NATS/1.0\r\n\r\n") + sum(len(f"{k}: {v}\r\n") for k, v in headers.items())


def _at_most(event: StoredEvent) -> int:
    """Return a limit of the message's size, without encoding it."""
    letters = len(event.data_json) + len(event.metadata_json)
    return letters * MAX_BYTES_PER_LETTER + MAX_ENVELOPE_BYTES + MAX_HEADER_BYTES


def _published(acknowledged: Sequence[PubAck]) -> Published:
    new = [ack.seq for ack in acknowledged if not ack.duplicate]
    return Published(min(new, default=0), max(new, default=0))


def _difference(found: StreamConfig, max_payload: int) -> str | None:
    wrong = [
        f"{name} is {_plain(getattr(found, name))}, not {_plain(getattr(CONFIG, name))}"
        for name in _COMPARED
        if getattr(found, name) != getattr(CONFIG, name)
    ]
    parts = [f"stream {STREAM} is set up otherwise: {', '.join(wrong)}"] if wrong else []
    if max_payload < MAX_MESSAGE_BYTES:
        parts.append(f"max_payload of NATS is {max_payload}, below the {MAX_MESSAGE_BYTES} needed")
    return "; ".join(parts) or None


def _plain(value: object) -> object:
    return value.value if isinstance(value, RetentionPolicy | StorageType) else value


async def ask(url: str) -> None:
    """Connect once and wait for an answer. Raises BusUnavailable, or SettingsError.

    A client that may reconnect never ends its first attempt, for any answer of the server.
    """
    client = Client()
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT.total_seconds()):
            await client.connect(url, allow_reconnect=False, error_cb=_raise)
            await client.flush()
    except (TimeoutError, OSError, ValueError, nats.errors.Error) as error:
        raise _no_answer(url, error) from None
    finally:
        await _close(client)


async def _connected_client(url: str) -> Client:
    await ask(url)
    client = Client()
    reports = _Reports(address_of(url), client)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT.total_seconds()):
            await client.connect(
                url,
                max_reconnect_attempts=-1,
                ping_interval=PING_INTERVAL_SECONDS,
                error_cb=reports.error,
                disconnected_cb=reports.disconnected,
                reconnected_cb=reports.reconnected,
            )
    except BaseException as error:
        await _close(client)
        if isinstance(error, TimeoutError | OSError | nats.errors.Error):
            raise _no_answer(url, error) from None
        raise
    return client


def _no_answer(url: str, error: Exception) -> BusUnavailable | SettingsError:
    cause = one_line(error)
    if isinstance(error, ValueError) or _WRONG_SETTING.search(cause):
        return SettingsError(f"WAYBILL_NATS_URL: {cause}")
    return BusUnavailable(f"NATS at {address_of(url)} does not answer: {cause}")


async def _raise(error: Exception) -> None:
    """End the attempt. The default logs a traceback and tries again."""
    raise error


class _Reports:
    """Log the client's reports in a line each. The client's default is a traceback each."""

    def __init__(self, address: str, client: Client) -> None:
        self._address = address
        self._client = client

    async def error(self, error: Exception) -> None:
        logger.debug("NATS at %s: %s", self._address, error)

    async def disconnected(self) -> None:
        if not self._client.is_closed:
            logger.warning("the connection to NATS at %s is lost", self._address)

    async def reconnected(self) -> None:
        logger.info("NATS at %s answers again", self._address)


async def _close(client: Client) -> None:
    """Close, or give up a server that accepts nothing. All that was published is acknowledged."""
    # An AssertionError says that the client refused the URL before it did anything.
    with suppress(TimeoutError, OSError, nats.errors.Error, AssertionError):
        async with asyncio.timeout(CLOSE_TIMEOUT.total_seconds()):
            await client.close()


def address_of(url: str) -> str:
    """Return the host and port of a URL, without its credentials."""
    parts = urlsplit(url if "//" in url else f"//{url}")
    return parts.netloc.rpartition("@")[2]
