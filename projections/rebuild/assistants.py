"""Fill ranges of a rebuild in more processes: to decode and fold events keeps one processor busy.

An assistant fills its ranges and ends. What it has not filled, for whatever reason, the process
that makes the rebuild fills itself, and there an error is raised. The record fences both: each
range advances in the transaction of its rows.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from projections.projection import Projection
from projections.rebuild.record import StreamRange
from projections.registry import PROJECTIONS

MAX_PROCESSES: Final = 4
"""The processes that fill, with the one that makes the rebuild: PostgreSQL needs processors too."""
ROOT: Final = Path(__file__).parents[2]

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Assistants:
    """The processes that may fill beside this one."""

    database_url: str = ""
    count: int = 0

    @classmethod
    def of(cls, database_url: str) -> Assistants:
        """Return one for each further processor that this process may use."""
        processors = len(os.sched_getaffinity(0))
        return cls(database_url, min(processors, MAX_PROCESSES) - 1)

    @asynccontextmanager
    async def filling(
        self, projection: Projection, ranges: Sequence[StreamRange]
    ) -> AsyncIterator[tuple[Sequence[StreamRange], Callable[[], Awaitable[None]]]]:
        """Give most of the ranges to assistants, until the block ends.

        Yield the ranges of this process, and a wait for the assistants.
        """
        # An assistant finds the projection by its name.
        is_known = any(projection is known for known in PROJECTIONS)
        count = self.count if is_known else 0
        shares = [ranges[n :: count + 1] for n in range(count + 1)]
        processes = [await self._started(projection, share) for share in shares[1:] if share]
        try:
            yield shares[0], lambda: _all_ended(processes)
        finally:
            for process in processes:
                if process.returncode is None:
                    process.kill()
                await process.wait()

    async def _started(self, projection: Projection, ranges: Sequence[StreamRange]) -> Process:
        # The address holds a password, so it is neither an argument nor in the environment. The
        # pipe stays open: an assistant ends when it is closed, also by the end of this process.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "projections.rebuild.assistant"),
            stdin=PIPE,
            stdout=DEVNULL,
            stderr=DEVNULL,
            cwd=ROOT,
        )
        assert process.stdin is not None  # noqa: S101 - it is a pipe
        order = {"url": self.database_url, "name": projection.name, "ranges": ranges}
        process.stdin.write(json.dumps(order).encode() + b"\n")
        return process


async def _all_ended(processes: Sequence[Process]) -> None:
    for process in processes:
        if code := await process.wait():
            logger.warning("an assistant of the rebuild ended with code %d", code)
