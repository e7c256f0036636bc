"""A broker in a process of its own, which a test may stop, kill, wipe and start again."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from eventbus.bus import EventBus, Publisher
from kit.pool import Pool
from stack.ports import Ports
from stack.processes import Child, Program
from stack.supervisor import Supervisor


@dataclass
class BrokerProcess(ABC):
    """Its ports stay the same when it is started again."""

    folder: Path
    supervisor: Supervisor
    ports: Ports = field(default_factory=Ports.free)
    child: Child | None = None

    @property
    def store(self) -> Path:
        return self.folder / "store"

    @property
    @abstractmethod
    def settings(self) -> dict[str, str]:
        """The settings by which a process connects to it."""

    @abstractmethod
    def program(self, options: str) -> Program:
        """Return the program, with options in the broker's own form."""

    @abstractmethod
    def publishing(self) -> AbstractAsyncContextManager[Publisher]:
        """Connect a publisher until the block ends."""

    @abstractmethod
    async def connect(self, pool: Pool) -> EventBus:
        """Connect as another process would. The caller closes the bus."""

    @abstractmethod
    async def publish_bytes(self, body: bytes, partition: int, key: str) -> None:
        """Publish a message that is no event, with the key of a stream and without headers."""

    @abstractmethod
    async def has(self, positions: Sequence[int]) -> None:
        """Wait until the broker keeps exactly the events at these positions."""

    async def start(self, options: str = "") -> None:
        self.child = await self.supervisor.start(self.program(options))

    async def stop(self) -> None:
        """Stop it cleanly: it keeps everything."""
        assert self.child is not None
        await self.child.stop()

    async def kill(self) -> None:
        assert self.child is not None
        self.child.kill()
        await self.child.wait()

    async def restart_empty(self) -> None:
        await self.kill()
        shutil.rmtree(self.store)
        await self.start()

    @asynccontextmanager
    async def restored(self) -> AsyncIterator[None]:
        """Put the store of now back after the block, as an older backup would."""
        await self.stop()
        older = self.folder / "older"
        shutil.copytree(self.store, older)
        await self.start()
        yield
        await self.kill()
        shutil.rmtree(self.store)
        shutil.copytree(older, self.store)
        await self.start()
