"""Spans are off unless a variable names an exporter, and a collector never delays a process."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from stack.ports import LOOPBACK
from stack.system import System
from tests.e2e.orders import THERE, an_order, ask, placed
from tests.e2e.processes import Process
from tests.e2e.test_api_process import api
from tests.e2e.test_worker_process import worker
from tests.support.otlp import Received, grpc_receiver, values
from tests.support.simulators import free_port

IMPORTS_LOGGED: Final = {"PYTHONPROFILEIMPORTTIME": "1"}
"""Python writes the name of each imported module to the log."""
SDK: Final = "opentelemetry.sdk"
STOP_SECONDS: Final = 2.8
LOST: Final = "the collector of traces has lost"


async def test_an_api_and_a_worker_without_an_exporter_do_not_import_the_sdk(
    system: System, tmp_path: Path
) -> None:
    (tmp_path / "worker").mkdir()
    async with (
        api(system, tmp_path / "api.log", **IMPORTS_LOGGED) as (serving, http),
        worker(system, tmp_path / "worker" / "log", **IMPORTS_LOGGED) as working,
    ):
        await working.writes("running sagas from task queue")
        await placed(http, THERE, "COMPLETED")
        await serving.stops(signal.SIGTERM)
        await working.stops(signal.SIGTERM)
    for process in (serving, working):
        assert "observability.tracing.spans" in process.log
        assert SDK not in process.log


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "none, otlp"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", "grpc, http/protobuf"),
    ],
)
async def test_an_unknown_exporter_or_protocol_ends_a_process_with_one_line(
    system: System, tmp_path: Path, name: str, value: str, allowed: str
) -> None:
    says = f"{name}: {value!r} is unknown; allowed are {allowed}\n"
    async with worker(system, tmp_path / "log", **{name: value}) as process:
        assert await process.ends(60) == 1
    assert process.log == f"worker: {says}"
    with pytest.raises(AssertionError, match="allowed are"):
        async with api(system, tmp_path / "api.log", **{name: value}):
            pass
    assert (tmp_path / "api.log").read_text() == f"waybill: {says}"


async def test_both_processes_export_by_grpc_under_their_names(
    system: System, tmp_path: Path
) -> None:
    (tmp_path / "worker").mkdir()
    with grpc_receiver() as received:
        changes = {
            **received.environment,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=shop",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        }
        async with api(system, tmp_path / "api.log", **changes) as (serving, http):
            await ask(http, "PlaceOrder", input=an_order(THERE))
            await received.holds(lambda: bool(received.named("mutation placeOrder")))
            await serving.stops(signal.SIGTERM)
        named = {**changes, "OTEL_SERVICE_NAME": "sagas"}
        async with worker(system, tmp_path / "worker" / "log", **named) as working:
            await working.writes("running sagas from task queue")
            await sent_by_the_worker(system, tmp_path, received)
            await working.stops(signal.SIGTERM)

    assert {r["service.name"] for r in received.resources} == {"waybill-api", "sagas"}
    assert {r["deployment.environment.name"] for r in received.resources} == {"test"}
    assert {metadata["x-tenant"] for metadata in received.metadata} == {"shop"}


async def sent_by_the_worker(system: System, folder: Path, received: Received) -> None:
    """Place orders until the new worker, and not that of the system, has run an activity."""
    async with api(system, folder / "again.log") as (_, http):
        async with asyncio.timeout(60):
            while not any("waybill.step" in values(span) for span in received.spans):
                await ask(http, "PlaceOrder", input=an_order(THERE))


REFUSAL: Final = b"HTTP/1.1 500 Fault\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"


@asynccontextmanager
async def collector(answer: bytes | None) -> AsyncIterator[str]:
    """Accept connections and answer so, or never; yield the address."""

    closed = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        if answer is None:
            await closed.wait()
        writer.write(answer or b"")
        writer.close()

    server = await asyncio.start_server(serve, LOOPBACK, 0)
    try:
        yield f"http://{LOOPBACK}:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        closed.set()


@asynccontextmanager
async def no_collector(_: bytes | None = None) -> AsyncIterator[str]:
    yield f"http://{LOOPBACK}:{free_port()}"


@pytest.mark.parametrize(
    ("protocol", "at_fault", "answer"),
    [
        pytest.param("http/protobuf", no_collector, None, id="down", marks=pytest.mark.long),
        pytest.param("http/protobuf", collector, None, id="hanging"),
        pytest.param("http/protobuf", collector, REFUSAL, id="answering 500"),
        pytest.param("grpc", no_collector, None, id="down by gRPC", marks=pytest.mark.long),
        pytest.param("grpc", collector, None, id="hanging by gRPC", marks=pytest.mark.long),
    ],
)
async def test_a_collector_at_fault_delays_no_order_and_no_end(
    system: System,
    tmp_path: Path,
    protocol: str,
    at_fault: Callable[[bytes | None], AbstractAsyncContextManager[str]],
    answer: bytes | None,
) -> None:
    (tmp_path / "worker").mkdir()
    async with at_fault(answer) as endpoint:
        changes = {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
            "OTEL_BSP_SCHEDULE_DELAY": "50",
        }
        async with (
            api(system, tmp_path / "api.log", **changes) as (serving, http),
            worker(system, tmp_path / "worker" / "log", **changes) as working,
        ):
            await working.writes("running sagas from task queue")
            began = time.monotonic()
            await placed(http, THERE, "COMPLETED")
            await serving.writes(LOST)
            assert time.monotonic() - began < 30
            await ends_in_time(serving)
            await ends_in_time(working)
    for process in (serving, working):
        assert process.log.count("collector") <= 1
        assert "opentelemetry" not in process.log.lower()
        assert "Traceback" not in process.log


async def ends_in_time(process: Process) -> None:
    code, seconds = await process.stops(signal.SIGTERM)
    assert code in {0, -signal.SIGTERM}
    assert seconds < STOP_SECONDS + 1  # Python itself takes time to end on a busy machine
