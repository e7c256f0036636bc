"""Connect to a Temporal server that asks for TLS, and for a certificate of the client."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client

from settings import Settings, SettingsError
from stack.servers import Servers
from temporal.client import TemporalAway, check_settings, connect, require_namespace
from tests.integration.connections.authority import Authority

PAYLOAD_KEY = base64.b64encode(bytes(range(32))).decode()


def settings(**changes: object) -> Settings:
    given: dict[str, Any] = {
        "temporal_address": "localhost:7233",
        "payload_key": PAYLOAD_KEY,
        "_env_file": None,
    }
    return Settings(**given | changes)


@asynccontextmanager
async def tls_in_front_of(address: str, context: ssl.SSLContext) -> AsyncIterator[str]:
    """Serve Temporal's port by TLS; yield the address."""
    host, _, port = address.rpartition(":")

    serving: set[asyncio.Task[None]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer), suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        to_reader, to_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(copy(reader, to_writer), copy(to_reader, writer))

    def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(forward(reader, writer)))

    context.set_alpn_protocols(["h2"])
    server = await asyncio.start_server(serve, "127.0.0.1", ssl=context)
    try:
        yield f"localhost:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in serving:  # a client of Temporal cannot be closed
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "root")


@pytest.fixture
def served(authority: Authority, tmp_path: Path) -> ssl.SSLContext:
    (folder := tmp_path / "server").mkdir()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.issue("localhost", folder))
    return context


@pytest.fixture
def own(authority: Authority, tmp_path: Path) -> dict[str, str]:
    (folder := tmp_path / "client").mkdir()
    certificate, key = authority.issue("waybill", folder)
    return {
        "temporal_tls_certificate_file": str(certificate),
        "temporal_tls_key_file": str(key),
    }


async def answers(client: Client) -> None:
    await require_namespace(client)


async def test_tls_is_used_and_the_certificate_is_checked(
    servers: Servers, authority: Authority, served: ssl.SSLContext
) -> None:
    async with tls_in_front_of(servers.temporal_address, served) as address:
        trusting = settings(
            temporal_address=address, temporal_tls=True, temporal_tls_ca_file=str(authority.root)
        )
        await answers(await connect(trusting))
        for changes in ({"temporal_tls": True}, {}):  # without the authority, without TLS
            with pytest.raises(TemporalAway):
                await connect(settings(temporal_address=address, **changes))


async def test_a_server_that_asks_for_a_certificate_gets_ours(
    servers: Servers, authority: Authority, served: ssl.SSLContext, own: dict[str, str]
) -> None:
    served.verify_mode = ssl.CERT_REQUIRED
    served.load_verify_locations(authority.root)
    tls = {"temporal_tls": True, "temporal_tls_ca_file": str(authority.root)}
    async with tls_in_front_of(servers.temporal_address, served) as address:
        await answers(await connect(settings(temporal_address=address, **tls, **own)))
        with pytest.raises(TemporalAway):
            await connect(settings(temporal_address=address, **tls))


def refusal(**changes: object) -> str:
    with pytest.raises(SettingsError) as refused:
        check_settings(settings(**changes))
    assert "a secret" not in str(refused.value)
    return str(refused.value)


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"temporal_tls_ca_file": "/ca.pem"}, ("TLS_CA_FILE", "TLS")),
        ({"temporal_tls_certificate_file": "/c.pem"}, ("TLS_CERTIFICATE_FILE", "TLS")),
        (
            {"temporal_tls": True, "temporal_tls_certificate_file": "/c.pem"},
            ("TLS_CERTIFICATE_FILE", "TLS_KEY_FILE"),
        ),
        ({"temporal_tls_key_file": "/k.pem"}, ("TLS_KEY_FILE", "TLS_CERTIFICATE_FILE")),
        ({"temporal_api_key": "a secret"}, ("API_KEY", "TLS")),
    ],
)
def test_a_setting_without_the_one_that_it_needs_is_refused(
    changes: dict[str, object], named: tuple[str, str]
) -> None:
    first, second = (f"WAYBILL_TEMPORAL_{name}" for name in named)
    assert refusal(**changes) == f"{first} needs {second}: set both or neither"


def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, own: dict[str, str]) -> None:
    (file := tmp_path / "a.pem").write_text("a secret")
    assert refusal(temporal_tls=True, temporal_tls_ca_file=str(file)).startswith(
        "WAYBILL_TEMPORAL_TLS_CA_FILE must name a PEM file"
    )
    own["temporal_tls_key_file"] = str(file)
    assert refusal(temporal_tls=True, **own).startswith(
        "WAYBILL_TEMPORAL_TLS_CERTIFICATE_FILE and WAYBILL_TEMPORAL_TLS_KEY_FILE must name"
    )


async def test_an_api_key_is_sent_over_tls_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, object] = {}

    async def connected(address: str, **options: object) -> None:
        given.update(options, address=address)

    monkeypatch.setattr(Client, "connect", connected)
    await connect(settings(temporal_tls=True, temporal_api_key="a secret"))
    assert given["api_key"] == "a secret"
    assert given["tls"]

    await connect(settings())
    assert given["api_key"] is None
    assert given["tls"] is False
