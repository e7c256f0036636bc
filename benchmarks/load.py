"""Run several writers concurrently for a given time, and count the written events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

Load = Callable[[float], Awaitable[float]]
"""Runs for a number of seconds, and returns the events written in each second."""


def concurrent(writers: Sequence[Callable[[], Awaitable[object]]], events: int = 1) -> Load:
    """Return a load with a task for each writer. Each call of a writer writes `events` events."""

    async def calls(writer: Callable[[], Awaitable[object]], deadline: float) -> int:
        count = 0
        while perf_counter() < deadline:
            await writer()
            count += 1
        return count

    async def load(seconds: float) -> float:
        began = perf_counter()
        counts = await asyncio.gather(*(calls(writer, began + seconds) for writer in writers))
        return sum(counts) * events / (perf_counter() - began)

    return load


def threaded(writers: Sequence[Callable[[], object]], events: int = 1) -> Load:
    """Return a load with a thread for each writer."""

    def calls(writer: Callable[[], object], deadline: float) -> int:
        count = 0
        while perf_counter() < deadline:
            writer()
            count += 1
        return count

    async def load(seconds: float) -> float:
        loop = asyncio.get_running_loop()
        with ThreadPoolExecutor(len(writers)) as threads:
            began = perf_counter()
            counts = await asyncio.gather(
                *(loop.run_in_executor(threads, calls, w, began + seconds) for w in writers)
            )
            return sum(counts) * events / (perf_counter() - began)

    return load
