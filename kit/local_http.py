"""Call a server of this machine over plain HTTP."""

from __future__ import annotations

import ssl
from typing import Any, Final

import httpx

NO_CERTIFICATES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""It trusts no server. To load the certificates of httpx takes 25 ms for each client."""


def local_client(**options: Any) -> httpx.AsyncClient:  # noqa: ANN401 - httpx's own
    """Return a client that uses neither TLS nor a proxy of the environment."""
    return httpx.AsyncClient(verify=NO_CERTIFICATES, trust_env=False, **options)
