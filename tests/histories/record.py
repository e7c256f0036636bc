"""`python -m tests.histories.record`: record the paths that have no history yet.

A recorded history represents workflows that users have running: it is never overwritten.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from temporalio.client import Client

from kit.command import run_command
from kit.pool import Pool, create_pool
from providers.http_carrier import HttpCarrier
from providers.stripe_payments import StripePayments
from stack.databases import fresh_database
from stack.servers import Servers, started_servers
from tests.histories.files import CONVERTER, FOLDER, write
from tests.histories.paths import COMMANDS_TOO, PATHS
from tests.histories.reconciliations import RECONCILIATIONS
from tests.integration.reconciliation.conftest import Providers
from tests.support.sagas import Sagas, running_sagas
from tests.support.simulators import API_KEY, Receiver, SimulatorProcess, simulator


async def record(folder: Path) -> list[str]:
    """Record the missing paths; return their names."""
    paths = {*PATHS, *RECONCILIATIONS}
    missing = {path for path in paths if not (folder / f"{path}.json").exists()}
    with tempfile.TemporaryDirectory() as data_dir:
        async with (
            started_servers(Path(data_dir)) as servers,
            simulators(Path(data_dir)) as (payments, carrier),
        ):
            for path in missing & PATHS.keys():
                async with recording(servers, payments, carrier) as (sagas, _, _):
                    order_id = await PATHS[path](sagas)
                    await sagas.end(order_id)
                    histories = await sagas.histories(commands=path in COMMANDS_TOO)
                    write(folder, path, histories)
            for path in missing & RECONCILIATIONS.keys():
                async with recording(servers, payments, carrier) as (sagas, pool, providers):
                    run = await RECONCILIATIONS[path](sagas, pool, providers)
                    write(folder, path, [await run.fetch_history()])
    return sorted(missing)


@asynccontextmanager
async def simulators(data_dir: Path) -> AsyncIterator[tuple[SimulatorProcess, SimulatorProcess]]:
    receiver = Receiver()
    payments, carrier = (
        simulator(kind, data_dir / f"{kind}-simulator", receiver) for kind in ("payment", "carrier")
    )
    async with await asyncio.start_server(receiver.answer, "127.0.0.1", receiver.port):
        with payments.running(), carrier.running():
            await payments.ready()
            await carrier.ready()
            yield payments, carrier


@asynccontextmanager
async def recording(
    servers: Servers, payments: SimulatorProcess, carrier: SimulatorProcess
) -> AsyncIterator[tuple[Sagas, Pool, Providers]]:
    client = await Client.connect(
        servers.temporal_address, data_converter=CONVERTER, identity="recorder"
    )
    providers = StripePayments(API_KEY, payments.url), HttpCarrier(API_KEY, carrier.url)
    async with (
        fresh_database(servers.owner_url, servers.owner_url) as url,
        await create_pool(url) as pool,
        running_sagas(client, pool, providers, (payments, carrier)) as sagas,
    ):
        yield sagas, pool, providers
    for provider in providers:
        await provider.close()


def main() -> None:
    for name in asyncio.run(record(FOLDER)):
        print(name)  # noqa: T201 - a command's answer


if __name__ == "__main__":
    run_command(main)
