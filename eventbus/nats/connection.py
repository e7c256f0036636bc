"""A connection to NATS that reconnects, reports its faults in lines, and closes in time."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from datetime import timedelta
from typing import Final, Self
from urllib.parse import urlsplit

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import APIError, NoStreamResponseError

from eventbus.errors import BusRefusal, BusUnavailable
from eventbus.nats.acknowledged import Acknowledged
from eventbus.nats.names import STREAM, SUBJECTS
from kit.faults import one_line
from settings import SettingsError

CONNECT_TIMEOUT: Final = timedelta(seconds=2)
ANSWER_TIMEOUT: Final = timedelta(seconds=2)
CLOSE_TIMEOUT: Final = timedelta(seconds=1)
PING_INTERVAL_SECONDS: Final = 10
"""The client gives up a connection on which two pings had no answer."""

_WRONG_SETTING: Final = re.compile("authorization|authentication|invalid", re.IGNORECASE)

logger = logging.getLogger(__name__)


class NatsConnection:
    """One connection, which the publisher and the consumers of a process share."""

    def __init__(self, url: str, client: Client) -> None:
        self._url = url
        self._connecting = asyncio.Lock()
        self._use(client)

    def _use(self, client: Client) -> None:
        self.client = client
        self.acknowledged = Acknowledged(client)
        self.stream: JetStreamContext = client.jetstream(timeout=ANSWER_TIMEOUT.total_seconds())

    @classmethod
    async def connect(cls, url: str) -> Self:
        """Connect, and reconnect from then on.

        Raises BusUnavailable within seconds, or SettingsError for a wrong URL or password.
        """
        return cls(url, await _connected_client(url))

    async def require(self) -> None:
        """Raises BusUnavailable while NATS does not answer."""
        async with self._connecting:
            if self.client.is_closed:  # The client closes itself when the server refuses it.
                self._use(await _connected_client(self._url))
        if not self.client.is_connected:
            # While the client reconnects, a request would only wait for its time-out.
            raise BusUnavailable(f"NATS at {address_of(self._url)} does not answer")

    @contextmanager
    def translated(self) -> Iterator[None]:
        """Raise BusError for every error of the client."""
        try:
            yield
        except NoStreamResponseError:
            address = address_of(self._url)
            raise BusRefusal(f"no stream of NATS at {address} takes {SUBJECTS}.>") from None
        except APIError as error:
            raise BusRefusal(f"stream {STREAM} of NATS refuses: {_reason(error)}") from None
        except (TimeoutError, nats.errors.Error) as error:
            cause = f"NATS at {address_of(self._url)} does not answer: {error}"
            raise BusUnavailable(cause.removesuffix(": ")) from None

    async def aclose(self) -> None:
        await _close(self.client)


def _reason(error: APIError) -> str:
    return error.description or "JetStream is not available"


async def ask(url: str) -> None:
    """Connect once and wait for an answer. Raises BusUnavailable, or SettingsError.

    A client that may reconnect never ends its first attempt, for any answer of the server.
    """
    async with once_connected(url):
        pass


@asynccontextmanager
async def once_connected(url: str) -> AsyncIterator[Client]:
    """Lend a client that does not reconnect. Raises BusUnavailable, or SettingsError."""
    client = Client()
    try:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT.total_seconds()):
                await client.connect(url, allow_reconnect=False, error_cb=_raise)
                await client.flush()
        except (TimeoutError, OSError, ValueError, nats.errors.Error) as error:
            raise _no_answer(url, error) from None
        yield client
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
