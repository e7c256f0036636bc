"""A server that is restored from a backup, taken under load, has a log that can be used."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from eventstore.postgres import PostgresEventStore
from kit.eventually import eventually
from kit.pool import create_pool
from stack.postgres import connected
from stack.processes import ROOT
from tests.e2e.processes import Process, started
from tests.support import backups
from tests.support.forks import ran

EVENTS = "SELECT event_id, position FROM eventstore.event"
CHECKPOINT = "INSERT INTO eventstore.checkpoint (name, position) VALUES ('relay', $1)"
RESTORE_POINT = "SELECT pg_create_restore_point('before_the_accident')"
ENOUGH = 40

pytestmark = pytest.mark.timeout(180)

Log = dict[str, int]
"""The position of each event."""


@dataclass
class Load:
    """Processes that append without a pause."""

    writers: list[Process] = field(default_factory=list)

    def confirmed(self) -> set[int]:
        """Return the positions that PostgreSQL has confirmed to the writers."""
        complete = (writer.log.rpartition("\n")[0].splitlines() for writer in self.writers)
        return {int(line) for lines in complete for line in lines}

    async def goes_on(self) -> None:
        """Wait until some more events are confirmed."""
        wanted = len(self.confirmed()) + ENOUGH
        await eventually(lambda: len(self.confirmed()) >= wanted, 60)


@asynccontextmanager
async def load(url: str, logs: Path) -> AsyncIterator[Load]:
    module = ("-m", "tests.support.appending_worker", url)
    async with (
        started(logs / "writer-1.log", os.environ, *module) as one,
        started(logs / "writer-2.log", os.environ, *module) as other,
    ):
        running = Load([one, other])
        await running.goes_on()
        yield running
        for writer in running.writers:
            await writer.stops(signal.SIGKILL)


async def log_of(url: str) -> Log:
    async with connected(url) as connection:
        return {str(row["event_id"]): row["position"] for row in await connection.fetch(EVENTS)}


async def is_whole(url: str) -> None:
    """The read models agree with the log, no checkpoint is lost, and an append goes on."""
    code, said = await command(url, "projections.verify")
    assert code == 0, said
    assert await command(url, "eventstore.checkpoints", "set-right") == (
        *(0, "0 checkpoints set right.\n"),
    )
    before = max((await log_of(url)).values())
    async with await create_pool(url, size=2) as pool:
        assert await PostgresEventStore(pool).safe_head() >= before
        writer = ("-m", "tests.support.appending_worker", url)
        process = await asyncio.create_subprocess_exec(
            sys.executable, *writer, cwd=ROOT, stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout
        first = int(await asyncio.wait_for(process.stdout.readline(), 30))
        process.kill()
        await process.wait()
    assert first > before


async def command(url: str, *arguments: str) -> tuple[int, str]:
    environment = {**os.environ, "WAYBILL_DATA_DIR": os.devnull, "WAYBILL_DATABASE_URL": url}
    ended = await ran("-m", *arguments, environment=environment)
    return ended.code, ended.printed


def keeps_all_before(restored: Log, everything: Log, confirmed: set[int]) -> None:
    """The restored log has each event that was confirmed in time, and none of its own."""
    assert restored.items() <= everything.items()
    assert confirmed <= set(restored.values())
    assert len(restored) < len(everything)


async def test_a_base_backup_under_load_has_each_event_confirmed_before_it(
    database_url: str, owner_url: str, tmp_path: Path
) -> None:
    async with load(database_url, tmp_path) as writers:
        confirmed = writers.confirmed()
        await backups.base_backup(owner_url, tmp_path / "backup")
        await writers.goes_on()
    everything = await log_of(owner_url)

    async with backups.started(owner_url, tmp_path / "backup") as restored:
        keeps_all_before(await log_of(restored), everything, confirmed)
        await is_whole(restored)
        assert await log_of(owner_url) == everything


async def test_a_dump_under_load_has_each_event_confirmed_before_it(
    database_url: str, owner_url: str, tmp_path: Path
) -> None:
    async with load(database_url, tmp_path) as writers:
        confirmed = writers.confirmed()
        await backups.dump(owner_url, tmp_path / "dump")
        await writers.goes_on()
    everything = await log_of(owner_url)

    async with backups.started(owner_url, tmp_path / "empty") as empty:
        await backups.load(empty, tmp_path / "dump")
        keeps_all_before(await log_of(empty), everything, confirmed)
        await is_whole(empty)
        appending = backups.at_port(database_url, backups.port_of(empty))
        assert await log_of(appending) == await log_of(empty)  # its login and its rights are there


async def test_archived_wal_restores_the_events_up_to_a_moment(
    database_url: str, owner_url: str, tmp_path: Path
) -> None:
    archive = tmp_path / "archive"
    async with (
        connected(owner_url) as owner,
        backups.archiving(owner_url, archive),
        load(database_url, tmp_path) as writers,
    ):
        await backups.base_backup(owner_url, tmp_path / "backup")
        at_backup = await log_of(owner_url)
        await writers.goes_on()
        confirmed = writers.confirmed()
        await owner.execute(RESTORE_POINT)
        await writers.goes_on()
        await backups.archived(owner, archive)
    everything = await log_of(owner_url)

    backups.recover_to(tmp_path / "backup", archive, "before_the_accident")
    async with backups.started(owner_url, tmp_path / "backup") as restored:
        log = await log_of(restored)
        keeps_all_before(log, everything, confirmed)
        assert at_backup.items() < log.items()
        await is_promoted(restored)
        await is_whole(restored)


async def is_promoted(url: str) -> None:
    async with connected(url) as owner:

        async def is_primary() -> bool:
            return not await owner.fetchval("SELECT pg_is_in_recovery()")

        await eventually(is_primary, 60)


async def test_a_checkpoint_above_the_restored_log_is_set_right(
    database_url: str, owner_url: str, tmp_path: Path
) -> None:
    async with load(database_url, tmp_path):
        await backups.dump(owner_url, tmp_path / "dump")
    async with backups.started(owner_url, tmp_path / "empty") as empty:
        await backups.load(empty, tmp_path / "dump")
        async with connected(empty) as owner:
            await owner.execute(CHECKPOINT, 10**9)
        code, said = await command(empty, "eventstore.checkpoints", "set-right")
        assert code == 0
        line, summary = said.splitlines()
        assert line.startswith("relay was at 1000000000, which the log has lost (")
        assert summary == "1 checkpoint set right."
        await is_whole(empty)
