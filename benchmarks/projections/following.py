"""Lead the benchmarks' projection in a process of its own, with the head announcer, as a worker."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvloop

from benchmarks.projections.counts import COUNTS
from eventstore.head import HeadAnnouncer
from eventstore.postgres import PostgresEventStore
from kit.command import run_command
from kit.pool import create_pool
from kit.tasks import together
from projections.follower import Follower
from stack.processes import ROOT


async def follow(url: str) -> None:
    async with await create_pool(url) as pool:
        store = PostgresEventStore(pool)
        await together(HeadAnnouncer(pool).run(), Follower(pool, store, COUNTS).run())


@asynccontextmanager
async def following(url: str) -> AsyncIterator[None]:
    """Run the process until the end of the block. The URL goes through its standard input."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.projections.following"),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None  # noqa: S101 - it is a pipe
    process.stdin.write(url.encode())
    process.stdin.close()
    try:
        yield
    finally:
        process.kill()
        await process.wait()


if __name__ == "__main__":
    run_command(lambda: uvloop.run(follow(sys.stdin.read())))
