"""The processes that the chaos kills: the relay and the consumers."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from stack.processes import ROOT
from tests.integration.eventbus.chaos.subjects import Fault, Subject
from tests.support import consuming


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


@asynccontextmanager
async def victims(url: str, subject: Subject, folder: Path) -> AsyncIterator[dict[str, Fault]]:
    """Run the relay and the consumers; yield the faults that kill them, and those of the broker."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "WAYBILL_DATA_DIR": os.devnull,
        "WAYBILL_DATABASE_URL": url,
        "WAYBILL_MASTER_KEY": base64.b64encode(os.urandom(32)).decode(),
        **subject.settings,
    }
    relay = Victim(subject.relay, environment, folder / "relay.log")
    consumers = [
        Victim(("-m", consuming.__name__, group), environment, folder / f"{group}{n}.log")
        for n, group in enumerate(subject.groups, start=1)
    ]

    def kill(consumer: Victim) -> Fault:
        async def kill_and_start() -> None:
            async with subject.consumers_may_die():
                await consumer.kill_and_start()

        return kill_and_start

    async with AsyncExitStack() as stack:
        for victim in (relay, *consumers):
            await victim.start()
            stack.push_async_callback(victim.kill)
        yield {
            "relay": relay.kill_and_start,
            **{f"consumer {n}": kill(consumer) for n, consumer in enumerate(consumers, start=1)},
            **subject.faults,
        }
