"""Another process follows the log soon after the leader is stopped or killed, and nothing twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from eventstore.postgres import PostgresEventStore
from kit.eventually import eventually
from stack.processes import ROOT
from tests.integration.projections.following import (
    append,
    has_followed,
    log_replayed,
    received,
    rows,
)
from tests.support import following_leader


@asynccontextmanager
async def leader(url: str, log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", following_leader.__name__, url),
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "WAYBILL_DATA_DIR": os.devnull},
            stderr=stderr,
        )
    try:
        await eventually(lambda: "following while" in log.read_text(), 20)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def is_stopped(process: asyncio.subprocess.Process) -> bool:
    state = await asyncio.to_thread(Path(f"/proc/{process.pid}/stat").read_text)
    return state.rpartition(")")[2].split()[0] == "T"


async def test_another_process_follows_after_a_stop_and_after_a_kill(
    store: PostgresEventStore, projections_url: str, receipts: asyncpg.Connection, tmp_path: Path
) -> None:
    log = tmp_path / "first.log"
    async with leader(projections_url, log) as first:
        await has_followed(receipts, await append(store, *received("cup", 1, 2)))
        async with leader(projections_url, tmp_path / "second.log") as second:
            first.send_signal(signal.SIGUSR1)
            stopped_at = await append(store, *received("cup", 3))
            await eventually(lambda: is_stopped(first), 5)
            async with asyncio.timeout(10):
                await has_followed(receipts, stopped_at)
            assert await rows(receipts) == await log_replayed(store)

            first.send_signal(signal.SIGCONT)
            await eventually(lambda: "trying again" in log.read_text(), 10)
            await has_followed(receipts, await append(store, *received("cup", 4, 5)))
            assert await rows(receipts) == await log_replayed(store)

            second.kill()
            async with asyncio.timeout(2):
                await has_followed(receipts, await append(store, *received("cup", 6)))
    assert await rows(receipts) == await log_replayed(store)
