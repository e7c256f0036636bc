"""NATS does not answer, at the start or later: a line in seconds, and the process still ends."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from time import monotonic

import pytest

from eventbus.errors import BusUnavailable
from eventbus.nats.names import STREAM
from eventbus.nats.publisher import NatsPublisher
from kit.eventually import eventually
from settings import SettingsError
from tests.support.bus_log import Log
from tests.support.nats import NatsBroker


@contextmanager
def silent_listener() -> Iterator[tuple[socket.socket, str]]:
    """A server that accepts connections and sends nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener, f"nats://ada:secret@127.0.0.1:{listener.getsockname()[1]}"


async def refusal(url: str, within: float) -> str:
    started = monotonic()
    with pytest.raises(BusUnavailable) as caught:
        await NatsPublisher.connect(url)
    assert monotonic() - started < within
    return str(caught.value)


async def test_a_closed_port_is_reported_in_one_line_without_the_password(
    caplog: pytest.LogCaptureFixture,
) -> None:
    message = await refusal("nats://ada:secret@127.0.0.1:1", within=2)
    assert message.startswith("NATS at 127.0.0.1:1 does not answer: ConnectionRefusedError")
    assert "secret" not in message
    assert caplog.records == []


async def test_a_silent_server_is_given_up_within_seconds() -> None:
    with silent_listener() as (_, url):
        assert "does not answer" in await refusal(url, within=4.5)


async def test_a_server_that_falls_silent_after_its_first_answer_is_given_up() -> None:
    """The first connection asks whether the server answers; the second is the one that is kept."""
    connections: list[asyncio.StreamWriter] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        if len(connections) == 1:
            writer.write(b'INFO {"server_id":"x","version":"2.10.0","max_payload":1048576}\r\n')
            while line := await reader.readline():
                writer.write(b"PONG\r\n" * line.startswith(b"PING"))
        await reader.read()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        said = await refusal(f"nats://127.0.0.1:{port}", within=4.5)

    assert said.startswith(f"NATS at 127.0.0.1:{port} does not answer: ")
    assert len(connections) == 2


async def test_a_wrong_password_and_a_wrong_url_name_the_setting(broker: NatsBroker) -> None:
    await broker.kill()
    await broker.start("authorization { user: ada, password: right }")
    port = broker.ports.nats_port
    for url in (f"nats://ada:wrong@127.0.0.1:{port}", "nats://127.0.0.1:port"):
        with pytest.raises(SettingsError, match=r"^WAYBILL_NATS_URL: ") as caught:
            await NatsPublisher.connect(url)
        assert "wrong" not in str(caught.value)
    async with aclosing(await NatsPublisher.connect(f"nats://ada:right@127.0.0.1:{port}")) as bus:
        await bus.holdings()


async def test_an_attempt_to_connect_ends_at_once_when_it_is_cancelled() -> None:
    with silent_listener() as (listener, url):
        attempt = asyncio.create_task(NatsPublisher.connect(url))
        connection, _ = await asyncio.get_running_loop().sock_accept(listener)
        started = monotonic()
        attempt.cancel()
        await asyncio.wait({attempt})
        connection.close()
        assert attempt.cancelled()
        assert monotonic() - started < 1.5


async def test_the_relay_of_a_stopped_server_ends_within_seconds(
    log: Log, broker: NatsBroker
) -> None:
    await log.append(1)
    async with log.relaying():
        await log.relayed_to(1)
        os.kill(_pid(broker), signal.SIGSTOP)
        await log.append(1)
        await log.has_fault("does not answer")
        started = monotonic()
    os.kill(_pid(broker), signal.SIGCONT)
    assert monotonic() - started < 2.5
    assert await log.checkpoint() == 1


async def test_a_connection_that_the_server_refused_is_opened_again(
    log: Log, broker: NatsBroker
) -> None:
    async with aclosing(await NatsPublisher.connect(broker.url)) as bus:
        await bus.holdings()
        await bus._connection.client.close()
        await log.append(1)
        await bus.publish(await log.events())
    assert await broker.positions() == [1]


async def test_a_lost_connection_is_logged_in_lines_without_tracebacks(
    broker: NatsBroker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with aclosing(await NatsPublisher.connect(broker.url)) as bus:
        await broker.kill()
        await eventually(lambda: _is_unavailable(bus))
        await broker.start()
        await eventually(lambda: _is_available(bus))
    address = f"127.0.0.1:{broker.ports.nats_port}"
    said = [(r.name, r.getMessage(), r.exc_info) for r in caplog.records if "nats" in r.name]
    assert said == [
        ("eventbus.nats.connection", f"the connection to NATS at {address} is lost", None),
        ("eventbus.nats.connection", f"NATS at {address} answers again", None),
        ("eventbus.nats.stream", f"stream {STREAM} does not exist: creating it", None),
    ]


async def test_publishing_to_an_unreachable_server_fails_at_once(
    log: Log, broker: NatsBroker
) -> None:
    await log.append(1)
    async with aclosing(await NatsPublisher.connect(broker.url)) as bus:
        await broker.kill()
        await eventually(lambda: _is_unavailable(bus))
        started = monotonic()
        with pytest.raises(BusUnavailable):
            await bus.publish(await log.events())
        assert monotonic() - started < 0.5


def _pid(broker: NatsBroker) -> int:
    assert broker.child is not None
    return broker.child.pid


async def _is_unavailable(bus: NatsPublisher) -> bool:
    return not await _is_available(bus)


async def _is_available(bus: NatsPublisher) -> bool:
    try:
        await bus.holdings()
    except BusUnavailable:
        return False
    return True
