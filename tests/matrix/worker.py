"""Run a worker process of the matrix: the product's own sagas and activities, with traps."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import multiprocessing
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from threading import Thread
from typing import Final, cast

from temporalio import activity
from temporalio.client import Client

from activities.failed_attempts import FailedAttempts
from activities.types.reconciliation import ReconcileInput, RecoveryResult
from eventstore.privacy.keyring import Keyring
from eventstore.privacy.vault import Vault
from kit.pool import create_pool
from projections.inline import InlineReadModels
from providers.carrier import Carrier
from providers.http_carrier import HttpCarrier
from providers.payments import PaymentProvider
from providers.stripe_payments import StripePayments
from roles.temporal_worker import saga_activities, temporal_worker
from temporal.client import data_converter
from tests.matrix.fault_injection import (
    POLL_SECONDS,
    Trapdoor,
    TrappedProvider,
    TrappedStore,
    Traps,
    answered,
)
from tests.matrix.operations import report_operations
from tests.matrix.script import Scripts
from tests.support.simulators import API_KEY

SHORT_TIMEOUT_SECONDS: Final = 1.0
"""The time that a provider has for an answer; the simulators hang for far longer."""
LONG_TIMEOUT_SECONDS: Final = 60.0
"""The time that a provider has where the test holds its answer back, and where nothing hangs."""
CONNECTIONS: Final = 8


@activity.defn
async def recover_missing(_: ReconcileInput) -> RecoveryResult:
    """Recover nothing for the aftercare: a case recovers the saga itself that it has ended."""
    return RecoveryResult(0)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The addresses and settings that a worker process gets."""

    database_url: str
    temporal_address: str
    payments_url: str
    carrier_url: str
    master_key: bytes
    payload_key: bytes
    folder: Path
    """The folder of the scripts and of the workers' logs."""


def preloaded() -> ForkServerContext:
    """Fork worker processes from a process that has only imported everything."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def start_worker(
    context: ForkServerContext, surroundings: Surroundings, task_queue: str
) -> ForkServerProcess:
    process = context.Process(target=_main, args=(surroundings, task_queue), daemon=True)
    process.start()
    return process


class KeptWorker:
    """A worker process on this queue, which is started again each time it dies."""

    def __init__(
        self, context: ForkServerContext, surroundings: Surroundings, task_queue: str
    ) -> None:
        self._start = partial(start_worker, context, surroundings, task_queue)
        self._process = self._start()

    async def keep(self) -> None:
        while True:
            await asyncio.to_thread(self._process.join, 1)
            if self._process.exitcode is not None:
                self._process = self._start()

    async def kill(self) -> None:
        """Kill the worker, and wait until another has taken its place."""
        killed = self._process
        os.kill(killed.pid or 0, signal.SIGKILL)
        while self._process is killed:  # noqa: ASYNC110 - nothing to be woken by
            await asyncio.sleep(POLL_SECONDS)

    async def end(self) -> None:
        self._process.kill()
        await asyncio.to_thread(self._process.join)


@asynccontextmanager
async def kept_alive(
    context: ForkServerContext, surroundings: Surroundings, task_queue: str
) -> AsyncIterator[KeptWorker]:
    """Keep a worker alive until the end of the block."""
    worker = KeptWorker(context, surroundings, task_queue)
    keeper = asyncio.create_task(worker.keep())
    try:
        yield worker
    finally:
        keeper.cancel()
        await asyncio.gather(keeper, return_exceptions=True)
        await worker.end()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _main(surroundings: Surroundings, task_queue: str) -> None:
    Thread(target=_end_with_parent, daemon=True).start()
    logging.basicConfig(
        filename=surroundings.folder / f"{task_queue}.log",
        format="%(asctime)s %(process)d %(levelname)s %(name)s %(message)s",
    )
    asyncio.run(_run(surroundings, task_queue))


async def _run(world: Surroundings, task_queue: str) -> None:
    simulators = {"payments": world.payments_url, "carrier": world.carrier_url}
    temporal = await Client.connect(
        world.temporal_address,
        data_converter=data_converter(Keyring(world.payload_key, setting="payload_key")),
        interceptors=[Traps(Scripts(world.folder), simulators)],
    )
    async with (
        await create_pool(world.database_url, size=CONNECTIONS) as pool,
        contextlib.AsyncExitStack() as closing,
    ):
        vault = Vault(pool, Keyring(world.master_key, setting="master_key"))
        store = TrappedStore(pool, [InlineReadModels(), Trapdoor()], vault)
        payments, carriers = [], []
        for seconds in (SHORT_TIMEOUT_SECONDS, LONG_TIMEOUT_SECONDS):
            payments.append(StripePayments(API_KEY, world.payments_url, total_seconds=seconds))
            carriers.append(HttpCarrier(API_KEY, world.carrier_url, total_seconds=seconds))
        clients: list[StripePayments | HttpCarrier] = [*payments, *carriers]
        for client in clients:
            report_operations(client, answered)
            closing.push_async_callback(client.close)
        ledger = FailedAttempts(pool)
        activities = [
            *saga_activities(
                pool,
                store,
                vault,
                cast("PaymentProvider", TrappedProvider(*payments)),
                cast("Carrier", TrappedProvider(*carriers)),
                ledger=ledger,
            ),
            recover_missing,
        ]
        await temporal_worker(temporal, task_queue, activities, ledger).run()
