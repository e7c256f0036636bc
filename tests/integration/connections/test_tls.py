"""Use TLS over the pool and over SQLAlchemy, with the server's certificate verified or not.

The PostgreSQL that comes from a wheel is built without TLS: a proxy in front of it speaks TLS.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.integration.connections.authority import Authority
from tests.integration.connections.conftest import ask, refusals
from tests.integration.connections.proxy import Proxy, proxied

SEVEN = "SELECT 7"


@dataclass
class Server:
    proxy: Proxy
    url: str
    root: Path

    def at(self, parameters: str, host: str = "localhost") -> str:
        return f"{self.url.replace('127.0.0.1', host)}?{parameters}"


@pytest.fixture
async def server(database_url: str, tmp_path: Path) -> AsyncIterator[Server]:
    """PostgreSQL with a certificate for `localhost`."""
    authority = Authority(tmp_path, "root")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("localhost", tmp_path))
    async with proxied(database_url, tls=context) as (proxy, url):
        yield Server(proxy, url, authority.root)


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_the_right_root_and_name_are_accepted(server: Server, mode: str) -> None:
    url = server.at(f"sslmode={mode}&sslrootcert={server.root}")

    assert await ask(url, SEVEN) == [7, 7]
    assert server.proxy.encrypted == 2


@pytest.mark.parametrize("mode", ["require", "verify-ca", "verify-full"])
async def test_another_root_is_refused(server: Server, mode: str, tmp_path: Path) -> None:
    other = Authority(tmp_path, "other")

    for refusal in await refusals(server.at(f"sslmode={mode}&sslrootcert={other.root}")):
        assert isinstance(refusal, ssl.SSLCertVerificationError)
    assert server.proxy.encrypted == 0


async def test_verify_full_refuses_another_name_and_verify_ca_does_not(server: Server) -> None:
    root = f"sslrootcert={server.root}"

    for refusal in await refusals(server.at(f"sslmode=verify-full&{root}", "127.0.0.1")):
        assert isinstance(refusal, ssl.SSLCertVerificationError)
    assert server.proxy.encrypted == 0
    assert await ask(server.at(f"sslmode=verify-ca&{root}", "127.0.0.1"), SEVEN) == [7, 7]


@pytest.mark.parametrize(("mode", "encrypted"), [("require", 2), ("prefer", 2), ("disable", 0)])
async def test_the_mode_alone_decides_without_a_root_certificate(
    server: Server, mode: str, encrypted: int
) -> None:
    assert await ask(server.at(f"sslmode={mode}"), SEVEN) == [7, 7]
    assert server.proxy.encrypted == encrypted


async def test_a_server_without_tls_is_refused_where_tls_is_required(
    database_url: str, server: Server
) -> None:
    for parameters in ("sslmode=require", f"sslmode=verify-full&sslrootcert={server.root}"):
        for refusal in await refusals(f"{database_url}?{parameters}"):
            assert isinstance(refusal, ConnectionError)
            assert "rejected SSL upgrade" in str(refusal)


async def test_tls_works_with_several_hosts(server: Server) -> None:
    hosts = server.url.rpartition("@")[2].partition("/")[0]
    several = f"127.0.0.1:1,{hosts.replace('127.0.0.1', 'localhost')}"
    url = server.at(f"sslmode=verify-full&sslrootcert={server.root}").replace(
        hosts.replace("127.0.0.1", "localhost"), several
    )

    assert await ask(url, SEVEN) == [7, 7]
    assert server.proxy.encrypted == 2
