"""No receiver can lead a webhook elsewhere, hold a sender for long, or fill its memory."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path
from time import monotonic

import pytest

from notifications.webhooks import client as client_module
from notifications.webhooks.client import WebhookClient
from notifications.webhooks.outcome import Outcome
from tests.integration.connections.authority import Authority
from tests.integration.webhooks.world import World
from tests.support.webhook_receiver import Received, Receiver, drip, silence, status

BODY = b"{}"


async def post(url: str, **options: object) -> tuple[Outcome, int | None]:
    client = WebhookClient(**{"may_be_loopback": True, "timeout_seconds": 2.0, **options})  # type: ignore[arg-type]
    try:
        answer = await client.post(url, {"webhook-id": "1"}, BODY)
    finally:
        await client.aclose()
    return answer.outcome, answer.status


def resolving(*answers: Sequence[str]) -> tuple[object, list[str]]:
    """Return a resolver that answers with each of these in turn, and the names it was asked for."""
    asked: list[str] = []

    async def resolve(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    return resolve, asked


async def test_a_redirect_is_a_failure_and_is_not_followed(receiver: Receiver) -> None:
    async with Receiver().listening() as private:
        for code in (301, 302, 303, 307, 308):
            receiver.respond = status(code, {"Location": private.url})
            assert await post(receiver.url) == (Outcome.REDIRECTED, code)
    assert private.connections == 0
    assert len(receiver.received) == 5


async def test_an_address_that_is_not_public_is_never_connected_to(receiver: Receiver) -> None:
    resolve, asked = resolving(["127.0.0.1"])
    url = f"https://rebound.example:{receiver.port}/"
    options = {"may_be_loopback": False, "resolve_name": resolve}
    assert await post(url, **options) == (Outcome.FORBIDDEN_ADDRESS, None)
    assert asked == ["rebound.example"]
    assert receiver.connections == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost", "127.1"])
async def test_loopback_in_any_spelling_is_refused_where_it_is_not_allowed(
    receiver: Receiver, host: str
) -> None:
    for scheme in ("http", "https"):
        url = f"{scheme}://{host}:{receiver.port}/"
        assert await post(url, may_be_loopback=False) == (Outcome.FORBIDDEN_ADDRESS, None)
    assert receiver.connections == 0


async def test_a_name_that_changes_its_address_after_the_registration_is_caught(
    world: World, receiver: Receiver
) -> None:
    resolve, asked = resolving(["93.184.216.34"], ["10.0.0.1"])
    world.registry._urls._resolve = resolve  # type: ignore[assignment]
    webhook = await world.register(f"https://rebinding.example:{receiver.port}/")
    await world.receive("cup")
    async with world.sending(resolve):  # type: ignore[arg-type]
        assert await world.until_attempted(webhook, 1) == [("forbidden_address", None)]
    assert asked[:2] == ["rebinding.example"] * 2
    assert receiver.connections == 0


async def test_http_without_tls_reaches_loopback_only() -> None:
    resolve, _ = resolving(["93.184.216.34"])
    assert await post("http://shop.example/", resolve_name=resolve) == (
        Outcome.FORBIDDEN_ADDRESS,
        None,
    )


async def test_a_proxy_of_the_environment_is_not_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Receiver().listening() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        assert await post(receiver.url) == (Outcome.DELIVERED, 204)
    assert proxy.connections == 0


async def test_a_long_answer_is_cut_off(receiver: Receiver) -> None:
    sent = 0

    async def ten_megabytes(_: Received, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n")
        try:
            for _chunk in range(1000):
                writer.write(bytes(10_000))
                await writer.drain()
                sent += 10_000
        except ConnectionError:
            return

    receiver.respond = ten_megabytes
    assert await post(receiver.url) == (Outcome.DELIVERED, 200)
    assert sent < 10_000_000


@pytest.mark.parametrize("respond", [silence, drip])
async def test_an_answer_that_does_not_come_in_time_is_a_failure(
    receiver: Receiver, respond: object
) -> None:
    receiver.respond = respond  # type: ignore[assignment]
    began = monotonic()
    assert await post(receiver.url, timeout_seconds=0.5) == (Outcome.TIMEOUT, None)
    assert monotonic() - began < 3


async def test_a_body_that_drips_does_not_hold_the_sender(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "DRAIN_TIMEOUT_SECONDS", 0.2)

    async def accept_and_drip(received: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        await silence(received, writer)

    receiver.respond = accept_and_drip
    began = monotonic()
    assert await post(receiver.url) == (Outcome.DELIVERED, 200)
    assert monotonic() - began < 1


async def test_a_connection_that_hangs_ends_in_time() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        filling = [socket.socket() for _ in range(4)]
        for each in filling:  # the queue is full, so that the kernel answers no more
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        url = f"http://127.0.0.1:{port}/"
        assert await post(url, timeout_seconds=0.5) == (Outcome.TIMEOUT, None)
        for each in filling:
            each.close()


async def test_what_is_no_http_and_what_ends_early_are_failures(receiver: Receiver) -> None:
    async def nonsense(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SSH-2.0-nonsense\r\n\r\n")

    async def end(_: Received, writer: asyncio.StreamWriter) -> None:
        writer.close()

    for respond in (nonsense, end):
        receiver.respond = respond
        assert await post(receiver.url) == (Outcome.BAD_ANSWER, None)


async def test_a_closed_port_and_an_unknown_name_have_outcomes_of_their_own() -> None:
    async with Receiver().listening() as gone:
        pass
    assert await post(gone.url) == (Outcome.NOT_CONNECTED, None)

    async def unknown(_: str, __: int) -> Sequence[str]:
        raise socket.gaierror

    assert await post("https://nowhere.example/", resolve_name=unknown) == (
        Outcome.UNRESOLVED,
        None,
    )


async def test_a_certificate_must_be_of_the_name_and_of_a_known_authority(tmp_path: Path) -> None:

    authority = Authority(tmp_path, "known")
    certificate, key = authority.issue("localhost", tmp_path)
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(certificate, key)
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=served)
    port = server.sockets[0].getsockname()[1]
    known = ssl.create_default_context(cafile=str(authority.root))
    async with server:
        resolve, _ = resolving(["127.0.0.1"])
        good, other = f"https://localhost:{port}/", f"https://other.example:{port}/"
        assert await post(good, tls=known) == (Outcome.DELIVERED, 204)
        assert await post(good) == (Outcome.BAD_CERTIFICATE, None)
        assert await post(other, tls=known, resolve_name=resolve) == (
            Outcome.BAD_CERTIFICATE,
            None,
        )
    assert len(receiver.received) == 1


async def test_a_short_answer_leaves_the_connection_open_for_the_next(receiver: Receiver) -> None:
    client = WebhookClient(may_be_loopback=True)
    receiver.respond = status(200, body=b"thank you")
    for _ in range(3):
        await client.post(receiver.url, {}, BODY)
    await client.aclose()
    assert (len(receiver.received), receiver.connections) == (3, 1)
