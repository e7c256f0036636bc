"""Start NATS for a benchmark, with its store on the disk, as the stack does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from stack import nats
from stack.ports import Ports
from stack.supervisor import supervised


@asynccontextmanager
async def started_nats() -> AsyncIterator[str]:
    """Yield the URL of a NATS server of this block alone."""
    with TemporaryDirectory(prefix="waybill-bench-nats-") as name:
        folder, ports = Path(name), Ports.free()
        async with supervised(folder) as supervisor:
            yield await nats.start(supervisor, folder, ports.nats_port, ports.nats_monitor_port)
