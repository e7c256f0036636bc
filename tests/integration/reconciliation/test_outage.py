"""An unreachable provider does not delay the recovery of a missing saga."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from temporalio.client import Client

from kit.pool import Pool
from orchestrator.recover import NotRecovered, recover
from providers.http_carrier import HttpCarrier
from roles.temporal_worker import temporal_worker
from temporal.schedules import keep_scheduled
from tests.integration.reconciliation.conftest import (
    Providers,
    a_waiting_order,
    activities_for,
    forget_schedules,
)
from tests.support.sagas import Sagas

A_SECOND = timedelta(seconds=1)


class SilentServer:
    """A server that accepts every request and never answers."""

    def __init__(self) -> None:
        self.is_asked = asyncio.Event()
        self._stopped = asyncio.Event()

    async def answer(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.is_asked.set()
        await self._stopped.wait()
        writer.close()

    def stop(self) -> None:
        self._stopped.set()


@pytest.fixture
async def silent() -> AsyncIterator[tuple[SilentServer, HttpCarrier]]:
    server = SilentServer()
    async with await asyncio.start_server(server.answer, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        carrier = HttpCarrier("key", f"http://127.0.0.1:{port}")
        yield server, carrier
        server.stop()
        await carrier.close()


@pytest.fixture
async def scheduled(sagas: Sagas, client: Client) -> AsyncIterator[str]:
    """Schedule reconciliation every second; yield its queue."""
    queue = f"{sagas.task_queue}-reconciliation"
    keeping = asyncio.create_task(keep_scheduled(client, queue, A_SECOND))
    yield queue
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    await forget_schedules(client)


async def test_a_saga_is_recovered_while_a_provider_hangs(
    sagas: Sagas,
    pool: Pool,
    providers: Providers,
    silent: tuple[SilentServer, HttpCarrier],
    scheduled: str,
) -> None:
    server, carrier = silent
    order_id = await a_waiting_order(sagas)
    activities = activities_for(sagas, pool, (providers[0], carrier))
    async with temporal_worker(sagas.client, scheduled, activities):
        await asyncio.wait_for(server.is_asked.wait(), 20)
        await sagas.terminate(order_id)
        async with asyncio.timeout(6):
            await sagas.until(f"saga-{order_id}", "SagaRecovered")
        server.stop()
    assert await sagas.events(f"saga-{order_id}") == ["SagaRecovered"]


async def test_a_manual_recovery_prints_recoveries_before_the_comparison_ends(
    sagas: Sagas, pool: Pool, providers: Providers, silent: tuple[SilentServer, HttpCarrier]
) -> None:
    server, carrier = silent
    order_id = await a_waiting_order(sagas)
    await sagas.terminate(order_id)
    queue = f"{sagas.task_queue}-reconciliation"
    activities = activities_for(sagas, pool, (providers[0], carrier))
    printed: list[str] = []

    async def print_lines() -> None:
        async for line in recover(sagas.client, queue, order_id, wait_seconds=4):
            printed.append(line)  # noqa: PERF401 - what comes before the error counts

    async with temporal_worker(sagas.client, queue, activities):
        with pytest.raises(
            NotRecovered, match=f"waybill-recover-comparison-{order_id} has not ended"
        ):
            await print_lines()
        server.stop()
    assert printed == [
        f"order {order_id}: its saga had no workflow and was recovered",
        "1 saga recovered.",
    ]
