"""Send one webhook by HTTP, and read no more of the answer than its status.

httpcore is used without a client around it: it follows no redirect, keeps no cookie, and takes no
proxy from the environment.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

import httpcore
import httpx

from eventstore.cloudevents import CONTENT_TYPE
from notifications.webhooks.addresses import AddressRules, ForbiddenAddress
from notifications.webhooks.connecting import GuardedBackend, Unresolved
from notifications.webhooks.outcome import Answer, Outcome, outcome_of, retry_after
from notifications.webhooks.resolving import Resolve, resolve

ANSWER_TIMEOUT_SECONDS: Final = 10.0
"""The receiver's answer must begin within this time, counted from the look-up of its name."""
CONNECT_TIMEOUT_SECONDS: Final = 5.0
MAX_ANSWER_BYTES: Final = 16 * 1024
"""The connection is closed if the answer is longer. Its content is never kept."""
DRAIN_TIMEOUT_SECONDS: Final = 1.0
MAX_CONNECTIONS: Final = 100
KEEP_ALIVE_SECONDS: Final = 30.0
USER_AGENT: Final = "Waybill-Webhooks/1"

_TIMEOUTS: Final = {
    "connect": CONNECT_TIMEOUT_SECONDS,
    "read": ANSWER_TIMEOUT_SECONDS,
    "write": ANSWER_TIMEOUT_SECONDS,
}


class WebhookClient:
    """The HTTP client of one process; the owner closes it."""

    def __init__(
        self,
        *,
        may_be_loopback: bool,
        resolve_name: Resolve = resolve,
        tls: ssl.SSLContext | None = None,
        timeout_seconds: float = ANSWER_TIMEOUT_SECONDS,
    ) -> None:
        tls = tls or httpx.create_ssl_context(trust_env=False)
        self._timeout_seconds = timeout_seconds
        self._over_tls = _pool(AddressRules(may_be_loopback=may_be_loopback), resolve_name, tls)
        self._in_clear = _pool(
            AddressRules(may_be_public=False, may_be_loopback=may_be_loopback), resolve_name, tls
        )

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send the body, and return how that ended. Raises nothing but a cancellation."""
        pool = self._over_tls if url.startswith("https:") else self._in_clear
        sent = {"content-type": CONTENT_TYPE, "user-agent": USER_AGENT, **headers}
        try:
            async with asyncio.timeout(self._timeout_seconds):
                response = await pool.handle_async_request(_request(url, sent, body))
        except Exception as error:  # noqa: BLE001 - whatever a receiver does is an outcome
            return Answer(_outcome_of_fault(error))
        await _drain(response)
        return _answer(response)

    async def aclose(self) -> None:
        await self._over_tls.aclose()
        await self._in_clear.aclose()


def _pool(
    rules: AddressRules, resolve_name: Resolve, tls: ssl.SSLContext
) -> httpcore.AsyncConnectionPool:
    return httpcore.AsyncConnectionPool(
        ssl_context=tls,
        max_connections=MAX_CONNECTIONS,
        max_keepalive_connections=MAX_CONNECTIONS // 2,
        keepalive_expiry=KEEP_ALIVE_SECONDS,
        network_backend=GuardedBackend(rules, resolve_name),
    )


def _request(url: str, headers: Mapping[str, str], body: bytes) -> httpcore.Request:
    target = httpcore.URL(url)
    fields = {"host": _authority(target), **headers, "content-length": str(len(body))}
    return httpcore.Request(
        "POST",
        target,
        headers=list(fields.items()),
        content=body,
        extensions={"timeout": _TIMEOUTS},
    )


def _authority(url: httpcore.URL) -> str:
    host = url.host.decode()
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return host if url.port is None else f"{host}:{url.port}"


async def _drain(response: httpcore.Response) -> None:
    """Read a short answer, so that its connection can be used again; close any other."""
    with suppress(Exception):
        async with asyncio.timeout(DRAIN_TIMEOUT_SECONDS):
            read = 0
            async for chunk in response.aiter_stream():
                read += len(chunk)
                if read > MAX_ANSWER_BYTES:
                    break
    with suppress(Exception):
        await response.aclose()


def _answer(response: httpcore.Response) -> Answer:
    asked = {name.lower(): value for name, value in response.headers}.get(b"retry-after")
    pause = None if asked is None else retry_after(asked.decode("latin-1"))
    return Answer(outcome_of(response.status), response.status, pause)


def _outcome_of_fault(error: Exception) -> Outcome:
    # httpcore gives its error the one of the socket as argument, and cuts the cause off.
    if any(isinstance(argument, ssl.SSLError) for argument in error.args):
        return Outcome.BAD_CERTIFICATE
    return next((o for kind, o in _FAULTS.items() if isinstance(error, kind)), _ANY_OTHER)


_FAULTS: Final[Mapping[type[Exception], Outcome]] = {
    ForbiddenAddress: Outcome.FORBIDDEN_ADDRESS,
    Unresolved: Outcome.UNRESOLVED,
    TimeoutError: Outcome.TIMEOUT,
    httpcore.TimeoutException: Outcome.TIMEOUT,
    httpcore.ProtocolError: Outcome.BAD_ANSWER,
}
_ANY_OTHER: Final = Outcome.NOT_CONNECTED
