"""Resolve the names of the tests' webhooks without a name server."""

from __future__ import annotations

import socket
from collections.abc import Sequence

PUBLIC = "93.184.216.34"
ADDRESSES = {
    "receiver.example.com": [PUBLIC],
    "internal.example.com": ["10.0.0.1"],
    "127.0.0.1": ["127.0.0.1"],
}


async def names(host: str, _: int) -> Sequence[str]:
    if host not in ADDRESSES:
        raise socket.gaierror
    return ADDRESSES[host]
