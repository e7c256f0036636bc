"""Some faults end the worker process, and others do not."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from kit.eventually import eventually
from stack.ports import Ports
from stack.postgres import connected, sibling
from stack.system import System
from stored_format import STORED_FORMAT
from tests.e2e.line import Line
from tests.e2e.processes import DATABASE, NATS, TEMPORAL, Process, at, forked, started
from tests.integration.migrations.checkout import empty_database

STOP_SECONDS = 5
"""The worker exits after 2.8 s at the latest; on a busy machine this is noticed late."""
END_SECONDS = 20
"""A wrong setting ends it after 1 s on an idle machine."""
MAX_LOG_CHARACTERS = 12_000
"""A retry is one line for each of the loops that use the server, of all roles together."""
SIGNALS = pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])


def worker(system: System, log: Path, **changes: str) -> AbstractAsyncContextManager[Process]:
    """Start a worker with the default roles, beside the one of the system."""
    data_dir = {"WAYBILL_DATA_DIR": str(log.parent)}  # no stack.env fills in what is empty
    return started(log, {**system.environment, **data_dir, **changes}, "worker.py")


def ending_worker(
    system: System, log: Path, **changes: str
) -> AbstractAsyncContextManager[Process]:
    """Do the same for a worker that ends at its start."""
    data_dir = {"WAYBILL_DATA_DIR": str(log.parent)}
    return forked(log, {**system.environment, **data_dir, **changes}, "worker.py")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WAYBILL_CARRIER_API_KEY", ""),
        ("WAYBILL_CARRIER_URL", ""),
        ("WAYBILL_CARRIER_URL", "carrier.example"),
        ("WAYBILL_PAYMENT_API_KEY", ""),
        ("WAYBILL_MASTER_KEY", ""),
        ("WAYBILL_SEARCH_KEY", ""),
        ("WAYBILL_PAYLOAD_KEY", "short"),
        (NATS, ""),
        (NATS, "nats://"),
        (NATS, "nats://127.0.0.1:port"),
        (TEMPORAL, ""),
        (TEMPORAL, "http://127.0.0.1:7233"),
        (TEMPORAL, "127.0.0.1:port"),
        (DATABASE, ""),
    ],
)
async def test_a_missing_or_wrong_setting_ends_it_with_one_line_that_names_it(
    system: System, tmp_path: Path, name: str, value: str
) -> None:
    async with ending_worker(system, tmp_path / "log", **{name: value}) as process:
        assert await process.ends(END_SECONDS) == 1
    (line,) = process.log.splitlines()
    assert line.startswith("worker: ")
    assert name in line


async def test_a_database_of_another_stored_format_ends_it_with_one_line(
    system: System, tmp_path: Path
) -> None:
    async with empty_database(system.servers.owner_url) as url:
        async with connected(url) as owner:
            await owner.execute("CREATE SCHEMA eventstore")
            await owner.execute("CREATE TABLE eventstore.stored_format AS SELECT 1 AS format")
        async with ending_worker(system, tmp_path / "log", **{DATABASE: url}) as process:
            assert await process.ends(END_SECONDS) == 1
    assert process.log == (
        f"worker: the database holds stored format 1, and this code reads {STORED_FORMAT}: "
        "use an empty database, and run `alembic upgrade head` there\n"
    )


@pytest.mark.parametrize("change", ["password", "database", "namespace"])
async def test_a_setting_that_the_server_refuses_ends_it_with_one_line(
    system: System, tmp_path: Path, change: str
) -> None:
    url = system.environment[DATABASE]
    user, _, rest = url.partition("@")
    name, wrong = {
        "password": (DATABASE, f"{user}x@{rest}"),
        "database": (DATABASE, sibling(url, "nowhere")),
        "namespace": ("WAYBILL_TEMPORAL_NAMESPACE", "nowhere"),
    }[change]
    async with ending_worker(system, tmp_path / "log", **{name: wrong}) as process:
        assert await process.ends(END_SECONDS) == 1
    assert process.log.splitlines()[-1].startswith(f"worker: {name}: ")
    assert "Traceback" not in process.log


AWAY = pytest.mark.parametrize(
    ("name", "waits", "runs_on"),
    [
        (NATS, "role relay: BusUnavailable: NATS at 127.0.0.1", "running sagas from task queue"),
        (TEMPORAL, "role sagas: TemporalAway: Temporal does not answer", "relaying the log while"),
        (DATABASE, "announcing the head: .*refused", "running sagas from task queue"),
    ],
)


@AWAY
async def test_a_missing_server_at_the_start_delays_only_its_role(
    system: System, tmp_path: Path, name: str, waits: str, runs_on: str
) -> None:
    changes = {name: at(system.environment[name], Ports.free().nats_port)}
    async with worker(system, tmp_path / "log", **changes) as process:
        await process.writes(runs_on)
        await process.writes(f"{waits}.*; trying again in", times=3)
        code, seconds = await process.stops(signal.SIGTERM)

    assert code == 0
    assert seconds < STOP_SECONDS
    assert "Traceback" not in process.log
    assert len(process.log) < MAX_LOG_CHARACTERS


@asynccontextmanager
async def worker_on_lines(
    system: System, log: Path
) -> AsyncIterator[tuple[Process, dict[str, Line]]]:
    """Start a worker whose connection to every server can be cut separately."""
    ports = system.ports
    async with (
        Line.to(ports.postgres_port) as postgres,
        Line.to(ports.temporal_port) as temporal,
        Line.to(ports.nats_port) as nats,
    ):
        lines = {DATABASE: postgres, TEMPORAL: temporal, NATS: nats}
        changes = {n: at(system.environment[n], line.port) for n, line in lines.items()}
        async with worker(system, log, **changes) as process:
            await process.writes("running sagas from task queue")
            await process.writes("relaying the log while")
            await polls(system, process)
            yield process, lines


async def polls(system: System, process: Process) -> None:
    """Wait until the worker records again that it polls."""
    recorded = "SELECT 1 FROM journal.polling_worker WHERE process LIKE $1 AND polled_at > $2"
    async with connected(system.servers.database_url) as connection:
        since = await connection.fetchval("SELECT clock_timestamp()")
        by_it = (f"%:{process.process.pid}", since)
        await eventually(lambda: connection.fetchval(recorded, *by_it), 60)


LATER = pytest.mark.parametrize(
    ("name", "retries", "times"),
    [
        (NATS, "the connection to NATS at .* is lost", 1),  # and the client retries automatically
        (TEMPORAL, "recording that this worker polls: .*; trying again in", 3),
        (DATABASE, "recording that this worker polls: .*; trying again in", 3),
    ],
)


@LATER
async def test_a_server_that_goes_away_later_costs_one_line_for_each_retry(
    system: System, tmp_path: Path, name: str, retries: str, times: int
) -> None:
    async with worker_on_lines(system, tmp_path / "log") as (process, lines):
        lines[name].cut()
        await process.writes(retries, times=times)
        await lines[name].mend()
        await polls(system, process)

        lines[name].cut()
        await process.writes(retries, times=times + 1)
        code, seconds = await process.stops(signal.SIGTERM)

    assert code == 0
    assert seconds < STOP_SECONDS
    assert "Traceback" not in process.log
    assert len(process.log) < MAX_LOG_CHARACTERS


@SIGNALS
async def test_it_stops_within_three_seconds_while_all_servers_are_away(
    system: System, tmp_path: Path, number: signal.Signals
) -> None:
    async with worker_on_lines(system, tmp_path / "log") as (process, lines):
        for line in lines.values():
            line.cut()
        await process.writes("recording that this worker polls: .*; trying again in")
        code, seconds = await process.stops(number)

    assert code == 0
    assert seconds < STOP_SECONDS


async def test_another_fault_than_a_servers_ends_it_with_one_line(
    system: System, tmp_path: Path
) -> None:
    async with empty_database(system.servers.owner_url) as url:
        async with connected(url) as owner:
            await owner.execute("CREATE SCHEMA eventstore")
            await owner.execute(
                f"CREATE TABLE eventstore.stored_format AS SELECT {STORED_FORMAT} AS format"
            )
        async with ending_worker(system, tmp_path / "log", **{DATABASE: url}) as process:
            assert await process.ends(END_SECONDS) == 1

    assert "Traceback" not in process.log
    last = process.log.splitlines()[-1]
    assert last.startswith("worker: role ")
    assert "does not exist" in last
