"""`make chaos-bus`: kill the relay, NATS and consumers at random, under load.

Every event must reach every group, make its effect there once, and each stream must be handled in
its order.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import logging
import os
import random
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Final
from uuid import uuid4

import uvloop

from benchmarks.server import started_server
from domain.order.events import OrderReserved
from eventstore.envelope import EventMetadata, NewEvent, StreamAppend
from eventstore.postgres import PostgresEventStore
from eventstore.versions import ANY
from kit.command import run_command
from kit.eventually import eventually
from kit.pool import Pool, create_pool
from stack.errors import StackError
from stack.postgres import connected
from stack.processes import ROOT
from stack.supervisor import supervised
from tests.integration.eventbus.conftest import Broker
from tests.support.consuming import CREATE, versions

SECONDS: Final = 300.0
GROUPS: Final = ("first", "first", "second")
"""The group of each consumer process."""
STREAMS: Final = 50
EVENTS_AT_ONCE: Final = 10
APPEND_EVERY_SECONDS: Final = 0.05
MAX_CALM_SECONDS: Final = 3.0
CATCH_UP_SECONDS: Final = 90.0


@dataclass
class Victim:
    """A process that is killed and started again."""

    command: tuple[str, ...]
    environment: dict[str, str]
    log: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as stderr:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, *self.command), cwd=ROOT, env=self.environment, stderr=stderr
            )

    async def kill(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def kill_and_start(self) -> None:
        await self.kill()
        await self.start()


@dataclass
class Outcome:
    expected: dict[str, list[int]]
    found: dict[str, dict[str, list[int]]]
    """The versions of each stream in the order of their effects, for each group."""
    letters: int
    missing_to: int | None
    kills: dict[str, int] = field(default_factory=dict)

    @property
    def events(self) -> int:
        return sum(map(len, self.expected.values()))

    @property
    def is_flawless(self) -> bool:
        return (
            all(found == self.expected for found in self.found.values())
            and self.letters == 0
            and self.missing_to is None
        )


async def _restart(broker: Broker) -> None:
    await broker.kill()
    await broker.start()


@asynccontextmanager
async def victims(
    url: str, broker: Broker, folder: Path
) -> AsyncIterator[dict[str, Callable[[], Awaitable[None]]]]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "WAYBILL_DATA_DIR": os.devnull,
        "WAYBILL_DATABASE_URL": url,
        "WAYBILL_NATS_URL": broker.url,
        "WAYBILL_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
    }
    relay = ("worker.py", "--roles", "head,relay")
    processes = [Victim(relay, environment, folder / "relay.log")] + [
        Victim(("-m", "tests.support.consuming", group), environment, folder / f"{group}{n}.log")
        for n, group in enumerate(GROUPS)
    ]
    async with AsyncExitStack() as stack:
        for victim in processes:
            await victim.start()
            stack.push_async_callback(victim.kill)
        yield {
            "relay": processes[0].kill_and_start,
            "NATS": lambda: _restart(broker),
            **{f"consumer {n}": v.kill_and_start for n, v in enumerate(processes[1:], start=1)},
        }


async def _load(pool: Pool, deadline: float) -> dict[str, list[int]]:
    """Append to random streams until the deadline; return the versions that each then has."""
    store, last = PostgresEventStore(pool), dict.fromkeys(range(STREAMS), 0)
    while monotonic() < deadline:
        chosen = random.sample(range(STREAMS), EVENTS_AT_ONCE)
        appends = [StreamAppend(f"order-{n}", [_event(n)], ANY) for n in chosen]
        await store.append(appends)
        for n in chosen:
            last[n] += 1
        await asyncio.sleep(APPEND_EVERY_SECONDS)
    return {f"order-{n}": list(range(1, count + 1)) for n, count in last.items() if count}


def _event(number: int) -> NewEvent:
    metadata = EventMetadata(correlation_id=str(number), actor="system")
    return NewEvent(uuid4(), OrderReserved(order_id=str(number)), metadata)


async def _kill(kill: dict[str, Callable[[], Awaitable[None]]], deadline: float) -> dict[str, int]:
    kills = dict.fromkeys(kill, 0)
    while monotonic() < deadline:
        await asyncio.sleep(random.uniform(0.3, MAX_CALM_SECONDS))  # noqa: S311
        name = random.choice(list(kill))  # noqa: S311
        await kill[name]()
        kills[name] += 1
    return kills


async def chaos(url: str, broker: Broker, folder: Path, seconds: float) -> Outcome:
    """Run the load and the kills; wait until all is handled, or a time that must be enough.

    The effects' table must exist.
    """
    async with await create_pool(url) as pool, victims(url, broker, folder) as kill:
        deadline = monotonic() + seconds
        expected, kills = await asyncio.gather(_load(pool, deadline), _kill(kill, deadline))

        async def found() -> dict[str, dict[str, list[int]]]:
            return {group: await versions(pool, group) for group in sorted(set(GROUPS))}

        async def is_complete() -> bool:
            events = sum(map(len, expected.values()))
            return all(
                sum(map(len, streams.values())) >= events for streams in (await found()).values()
            )

        try:
            await eventually(is_complete, CATCH_UP_SECONDS, every=0.25)
        except TimeoutError:
            logging.getLogger(__name__).warning("not everything was handled in time")
        return Outcome(
            expected,
            await found(),
            await pool.fetchval("SELECT count(*) FROM eventstore.dead_letter"),
            await pool.fetchval("SELECT missing_to FROM eventstore.bus"),
            kills,
        )


async def run(seconds: float) -> int:
    with tempfile.TemporaryDirectory(prefix="waybill-chaos-bus-") as name:
        folder = Path(name)
        async with (
            started_server(folder / "data") as server,
            server.database() as url,
            supervised(folder / "nats") as supervisor,
        ):
            broker = Broker(folder / "nats", supervisor)
            await broker.start()
            async with connected(url) as owner:
                await owner.execute(CREATE)
            outcome = await chaos(url, broker, folder, seconds)
    kills = ", ".join(f"{name} {count}" for name, count in outcome.kills.items())
    verdict = "Each effect was made once, in order." if outcome.is_flawless else "It failed."
    sys.stdout.write(f"{outcome.events:,} events; kills: {kills}. {verdict}\n")
    return 0 if outcome.is_flawless else 1


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos-bus", description=__doc__)
    parser.add_argument("--seconds", type=float, default=SECONDS)
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(run(arguments.seconds))
    except StackError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    run_command(main)
