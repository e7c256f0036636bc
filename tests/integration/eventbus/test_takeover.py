"""Another process leads soon after a leader is stopped or killed, and no work is done twice."""

from __future__ import annotations

import asyncio
import base64
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from eventstore import head
from kit.eventually import eventually
from kit.pool import Pool
from stack.processes import ROOT
from tests.support import counting_leader
from tests.support.bus_log import Log
from tests.support.nats import NatsBroker

NAMES = ("head", "relay", counting_leader.NAME)
LEADER = """
    SELECT pid FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND classid = 7004
      AND objid = (hashtext($1)::bigint & 4294967295)::oid
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
COUNTED_BY = "SELECT count(*) FROM counting.counted WHERE process = $1"
COUNTED = "SELECT count(*), count(DISTINCT position), max(position) FROM counting.counted"


@dataclass
class Process:
    """A process that leads or waits, with its log."""

    process: asyncio.subprocess.Process
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    async def says(self, text: str) -> None:
        await eventually(lambda: text in self.log.read_text(), 20)

    async def stopped(self) -> None:
        """Wait until the kernel has stopped the process."""
        state = Path(f"/proc/{self.pid}/stat")
        await eventually(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", 10)


@asynccontextmanager
async def running(
    command: Sequence[str], log: Path, environment: dict[str, str]
) -> AsyncIterator[Process]:
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, *command),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **environment},
            stderr=stderr,
        )
    try:
        yield Process(process, log)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@dataclass
class Machine:
    """A worker with the roles head and relay, and a process that counts."""

    worker: Process
    counter: Process

    async def has_started(self) -> None:
        await self.worker.says("relaying the log while this process leads")
        await self.counter.says("counting while this process leads")

    async def stop(self) -> None:
        """Stop both processes; the counter stops inside a transaction."""
        self.worker.send(signal.SIGSTOP)
        self.counter.send(signal.SIGUSR1)
        await self.counter.stopped()

    async def go_on(self) -> None:
        """Let both continue, until each has noticed that it leads no longer."""
        self.worker.send(signal.SIGCONT)
        self.counter.send(signal.SIGCONT)
        await self.worker.says("announcing the head: ")
        await self.worker.says("relaying the log: ")
        await self.counter.says("counting: ")

    def kill(self) -> None:
        self.worker.send(signal.SIGKILL)
        self.counter.send(signal.SIGKILL)


@asynccontextmanager
async def machine(
    name: str, database_url: str, broker: NatsBroker, folder: Path
) -> AsyncIterator[Machine]:
    environment = {
        "WAYBILL_DATA_DIR": os.devnull,
        "WAYBILL_DATABASE_URL": database_url,
        "WAYBILL_NATS_URL": broker.url,
        "WAYBILL_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
    }
    worker = ("worker.py", "--roles", "head,relay")
    counter = ("-m", counting_leader.__name__, database_url)
    async with (
        running(worker, folder / f"{name}-worker.log", environment) as leading,
        running(counter, folder / f"{name}-counter.log", {}) as counting,
    ):
        machine = Machine(leading, counting)
        await machine.has_started()
        yield machine


async def leaders(pool: Pool) -> dict[str, int]:
    """Return the session that holds the lock of each name."""
    found = {name: await pool.fetchval(LEADER, name) for name in NAMES}
    return {name: session for name, session in found.items() if session is not None}


async def others_lead(pool: Pool, before: dict[str, int], seconds: float) -> None:
    """Wait until each name has a leader, and another than before. Raises TimeoutError."""

    async def have_changed() -> bool:
        now = await leaders(pool)
        return now.keys() == set(NAMES) and not now.items() & before.items()

    await eventually(have_changed, seconds)


async def announced(owner: asyncpg.Connection, log: Log) -> None:
    """Append an event, and wait until the leader announces the head."""
    is_announced = asyncio.Event()

    def note(*_: object) -> None:
        is_announced.set()

    await owner.add_listener(head.CHANNEL, note)
    await log.append(1)
    async with asyncio.timeout(5):
        await is_announced.wait()
    await owner.remove_listener(head.CHANNEL, note)


async def test_another_process_leads_soon_after_a_leader_is_stopped_or_killed(
    log: Log, broker: NatsBroker, database_url: str, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    await owner.execute(counting_leader.CREATE)
    await log.append(1_000)
    async with machine("first", database_url, broker, tmp_path) as first:
        await others_lead(log.pool, {}, 10)
        await log.relayed_to(1_000)
        async with machine("second", database_url, broker, tmp_path) as second:
            before = await leaders(log.pool)
            await first.stop()
            counted = await owner.fetchval(COUNTED_BY, first.counter.pid)

            await others_lead(log.pool, before, 10)
            await eventually(lambda: owner.fetchval(COUNTED_BY, second.counter.pid), 2)
            await announced(owner, log)
            await log.relayed_to(1_001)

            await first.go_on()
            await announced(owner, log)
            await log.relayed_to(1_002)
            assert counted > 0
            assert await owner.fetchval(COUNTED_BY, first.counter.pid) == counted

            before = await leaders(log.pool)
            second.kill()
            await others_lead(log.pool, before, 2)
            await announced(owner, log)
        await eventually(lambda: counts_again(owner, first.counter.pid, counted), 5)
        await log.relayed_to(1_003)
    rows, positions, last = await owner.fetchrow(COUNTED) or (0, 0, 0)
    assert rows == positions == last
    assert await broker.positions() == list(range(1, 1_004))


async def counts_again(owner: asyncpg.Connection, process: int, counted: int) -> bool:
    return bool(await owner.fetchval(COUNTED_BY, process) > counted)
