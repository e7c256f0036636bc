"""Connect to addresses that the rules admit, and to no other, whatever a name resolves to.

The check is made here, where the socket is opened. So a name that changes its address between two
look-ups is covered, and so is every request, also one that a client library would make by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

import httpcore
from httpcore import SOCKET_OPTION, AsyncNetworkBackend, AsyncNetworkStream

from notifications.webhooks.addresses import AddressRules, ForbiddenAddress
from notifications.webhooks.resolving import Resolve, resolve

MAX_ADDRESSES: Final = 4
"""The number of addresses of a name that are tried."""


class Unresolved(Exception):
    """The host has no address."""


class GuardedBackend(AsyncNetworkBackend):
    def __init__(self, rules: AddressRules, resolve_name: Resolve = resolve) -> None:
        self._rules = rules
        self._resolve = resolve_name
        self._sockets = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of httpcore
        local_address: str | None = None,
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        """Connect to the first admitted address that answers.

        Raises ForbiddenAddress when none is admitted, Unresolved, or an error of httpcore.
        """
        addresses = await self._admitted(host, port)
        each = None if timeout is None else timeout / len(addresses)
        for address in addresses[:-1]:
            with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                return await self._connect(address, port, each, local_address, socket_options)
        return await self._connect(addresses[-1], port, each, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109 - the interface of httpcore
        socket_options: Iterable[SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        del path, timeout, socket_options
        raise ForbiddenAddress

    async def sleep(self, seconds: float) -> None:
        await self._sockets.sleep(seconds)

    async def _admitted(self, host: str, port: int) -> list[str]:
        try:
            found = await self._resolve(host.strip("[]"), port)
        except OSError:
            raise Unresolved from None
        except UnicodeError:
            raise Unresolved from None
        admitted = [address for address in found if self._rules.admit(address)]
        if not admitted:
            raise ForbiddenAddress if found else Unresolved
        return admitted[:MAX_ADDRESSES]

    async def _connect(
        self,
        address: str,
        port: int,
        timeout: float | None,  # noqa: ASYNC109 - as above
        local_address: str | None,
        socket_options: Iterable[SOCKET_OPTION] | None,
    ) -> AsyncNetworkStream:
        stream = await self._sockets.connect_tcp(
            address, port, timeout, local_address, socket_options
        )
        peer = stream.get_extra_info("server_addr")
        if peer is None or not self._rules.admit(str(peer[0])):
            await stream.aclose()
            raise ForbiddenAddress
        return stream
