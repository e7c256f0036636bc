"""Start the service, and do what makes each metric appear: run the demonstration and consumers."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Final, NoReturn

from eventbus.nats.bus import connected_bus
from eventstore.envelope import StoredEvent
from kit.eventually import eventually
from kit.pool import Connection, create_pool
from stack import data_format
from stack.environment import stack_environment
from stack.ports import Ports
from stack.processes import ROOT
from stack.run import DEMO_DEADLINES, DEMO_PRICES
from stack.system import System, started_system
from tools.check_metrics.prometheus import Failed

WORKERS: Final = 2
ORDINARY_ORDERS: Final = "3"
GROUP: Final = "check-metrics"
FAILING: Final = "check-metrics-failing"

_GIVE_UP: Final = """
    UPDATE eventstore.dead_letter SET state = 'dead', next_try_at = NULL
    WHERE group_name = $1 AND state = 'retrying'
"""


@asynccontextmanager
async def system(folder: Path) -> AsyncIterator[System]:
    """Run the service. The API reads from the primary as if that were a replica of itself."""
    ports = Ports.free()
    replica = _database_url(folder, ports)
    given = {**DEMO_PRICES, **DEMO_DEADLINES, "WAYBILL_QUERY_DATABASE_URL": replica}
    async with started_system(folder, ports, workers=WORKERS, given=given) as started:
        yield started


def _database_url(folder: Path, ports: Ports) -> str:
    """Return the API's database on a new folder, before anything is started there."""
    folder.mkdir()
    data_format.claim(folder)
    return stack_environment(folder, ports)["WAYBILL_API_DATABASE_URL"]


async def demonstrate(started: System) -> None:
    """Drive the demonstration. Raises Failed with its output."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "demo", "--orders", ORDINARY_ORDERS),
        cwd=ROOT,
        env={**started.environment, "COLUMNS": "100"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise Failed(f"the demonstration failed:\n{output.decode()}")


@asynccontextmanager
async def consuming(started: System) -> AsyncIterator[None]:
    """Run a consumer group that keeps up, and one that cannot handle any event.

    The letters of the second one die at once here: they would be tried for an hour.
    """
    url = started.environment["WAYBILL_DATABASE_URL"]
    async with await create_pool(url) as pool:
        bus = await connected_bus(started.environment["WAYBILL_NATS_URL"], pool)
        async with aclosing(bus):
            await bus.subscribe("order.*", _nothing, group=GROUP)
            await bus.subscribe("order.OrderCancelled", _refuse, group=FAILING)
            await eventually(lambda: _has_died(pool.execute(_GIVE_UP, FAILING)))
            yield


async def _has_died(update: object) -> bool:
    return str(await update) != "UPDATE 0"  # type: ignore[misc] # an awaitable


async def _nothing(connection: Connection, event: StoredEvent) -> None:
    del connection, event


async def _refuse(connection: Connection, event: StoredEvent) -> NoReturn:
    del connection
    raise RuntimeError(f"check-metrics refuses {event.type}")
