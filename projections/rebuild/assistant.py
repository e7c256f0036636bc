"""Fill the ranges that the process of the rebuild writes to standard input, and end.

It ends at once when its standard input is closed. See projections/rebuild/assistants.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Sequence
from threading import Thread

from kit.command import run_command
from kit.pool import create_pool
from projections.rebuild.filling import AT_ONCE, Filling
from projections.rebuild.record import Rebuild, State, StreamRange
from projections.registry import projection_named


async def run(url: str, name: str, ranges: Sequence[StreamRange]) -> None:
    projection = projection_named(name)
    async with await create_pool(url, size=AT_ONCE + 1, transaction_seconds=0) as pool:
        async with pool.acquire() as connection:
            rebuild = await Rebuild.read(connection, projection)
        if rebuild.state is State.FILLING:
            await Filling(pool, projection, rebuild, lambda: None).fill(ranges)


def _end_with_the_pipe() -> None:
    sys.stdin.read()
    os._exit(1)


def main() -> None:
    order = json.loads(sys.stdin.readline())
    Thread(target=_end_with_the_pipe, daemon=True).start()
    ranges = [StreamRange(*of_streams) for of_streams in order["ranges"]]
    asyncio.run(run(order["url"], order["name"], ranges))


if __name__ == "__main__":
    run_command(main)
