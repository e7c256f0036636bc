"""Measure what each part of the system uses during a step."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

import asyncpg
import httpx
import psutil

SAMPLE_SECONDS: Final = 1.0
PARTS: Final = (
    ("load", "locust"),
    ("simulators", "_simulator"),
    ("simulators", "stack.mail_sink"),
    ("worker", "worker.py"),
    ("API", "-m api"),
    ("Temporal", "start-dev"),
    ("NATS", "nats-server"),
    ("PostgreSQL", "postgres"),
)
"""The parts, each with a text in the command line of its processes; the first that fits counts."""
BUSY_PROCESS: Final = 0.85
"""The share of one processor from which a process of Python is taken to be saturated."""
BUSY_MACHINE: Final = 0.9

_QUEUE: Final = re.compile(r'^waybill_queue_depth\{queue="([^"]+)"\} ([\d.e+]+)$', re.MULTILINE)
_PROJECTION: Final = re.compile(
    r'^waybill_projection_lag_events\{[^}]*projection="([^"]+)"[^}]*\} ([\d.e+]+)$', re.MULTILINE
)
_WAITS: Final = """
SELECT count(*) FILTER (WHERE wait_event_type IN ('Lock', 'LWLock')) AS locks,
       count(*) FILTER (WHERE wait_event_type = 'IO') AS disk,
       count(*) AS active
FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()
"""


@dataclass(frozen=True, slots=True)
class Usage:
    cpu: Mapping[str, float]
    """The processors that each part has used. There are two workers, worker-1 and worker-2."""
    depths: Mapping[str, float]
    """The greatest depth of each queue, lag of each projection, and number of waits seen."""
    machine: float
    """The share of all processors that all programs of the machine have used."""

    @property
    def processors(self) -> float:
        return sum(self.cpu.values())

    def saturated(self, processors: int) -> str:
        """Name the part that limits the rate, as far as the figures show it."""
        by_use = sorted(self.cpu.items(), key=lambda part: -part[1])
        busy = [name for name, used in by_use if _is_python(name) and used >= BUSY_PROCESS]
        if busy:
            return f"{' and '.join(busy)}: a process of Python uses one processor at most"
        if self.processors >= BUSY_MACHINE * processors:
            most = ", ".join(f"{name} {used:.2f}" for name, used in by_use[:3])
            return f"the {processors} processors of the machine, of which use {most}"
        if self.machine >= BUSY_MACHINE:
            others = self.machine * processors - self.processors
            return f"the machine, of which other programs use {others:.2f} processors"
        return "none of the processors: see the queues and the waits"


def _is_python(part: str) -> bool:
    return part in {"API", "load"} or part.startswith("worker")


@dataclass
class Meter:
    """Adds up what has been used since the last reading."""

    url: str
    database_url: str | None = None
    _cpu: dict[str, float] = field(default_factory=dict)
    _depths: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    _since: float = field(default_factory=perf_counter)

    def read(self) -> Usage:
        """Return the usage since the last reading."""
        now, cpu = perf_counter(), cpu_seconds()
        seconds = now - self._since
        used = {part: (cpu[part] - self._cpu.get(part, 0.0)) / seconds for part in cpu}
        usage = Usage(
            cpu={part: max(0.0, used[part]) for part in sorted(used)},
            depths=dict(self._depths),
            machine=psutil.cpu_percent() / 100,  # since the last call
        )
        self._cpu, self._since = cpu, now
        self._depths.clear()
        return usage

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _watch(self) -> None:
        async with httpx.AsyncClient(timeout=SAMPLE_SECONDS * 5) as http:
            while True:
                with suppress(httpx.HTTPError):
                    self._note(depths_of((await http.get(f"{self.url}/metrics")).text))
                with suppress(OSError, asyncpg.PostgresError):
                    self._note(await self._waits())
                await asyncio.sleep(SAMPLE_SECONDS)

    def _note(self, found: Mapping[str, float]) -> None:
        for name, depth in found.items():
            self._depths[name] = max(self._depths[name], depth)

    async def _waits(self) -> Mapping[str, float]:
        if self.database_url is None:
            return {}
        connection = await asyncpg.connect(self.database_url, timeout=SAMPLE_SECONDS * 5)
        try:
            [row] = await connection.fetch(_WAITS)
        finally:
            await connection.close()
        return {f"PostgreSQL: {name}": float(value) for name, value in row.items()}


def depths_of(metrics: str) -> dict[str, float]:
    """Return the depths of the queues and the lags of the projections in a page of metrics."""
    queues = {f"queue: {name}": float(depth) for name, depth in _QUEUE.findall(metrics)}
    return queues | {f"lag: {name}": float(lag) for name, lag in _PROJECTION.findall(metrics)}


def cpu_seconds() -> dict[str, float]:
    """Return the CPU time of each part among the descendants of this process."""
    seconds: dict[str, float] = defaultdict(float)
    workers = 0
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            part = part_of(" ".join(process.cmdline()))
            if part == "worker":
                workers += 1
                part = f"worker-{workers}"
            times = process.cpu_times()
            if part:
                seconds[part] += times.user + times.system
    return dict(seconds)


def part_of(command: str) -> str | None:
    return next((part for part, text in PARTS if text in command), None)
