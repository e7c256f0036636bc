"""Run a worker for each test, and replay its workflows at the end of the test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from temporalio.client import Client

from kit.engine import create_engine
from kit.pool import Pool
from providers.carrier_simulator.routes import DOWN, NEVER_DISPATCHED, NORMAL, REFUSED
from providers.http_carrier import HttpCarrier
from providers.stripe_payments import StripePayments
from queries.sagas import SagaQueries
from stack.servers import Servers
from temporal.client import data_converter
from tests.support.keys import PAYLOAD_KEYS
from tests.support.replays import replay
from tests.support.sagas import Sagas, an_order, running_sagas
from tests.support.simulators import SimulatorProcess

__all__ = ["DOWN", "NEVER_DISPATCHED", "NORMAL", "REFUSED", "Sagas", "an_order"]


@pytest.fixture
def providers(payments: StripePayments, carrier: HttpCarrier) -> tuple[StripePayments, HttpCarrier]:
    return payments, carrier


@pytest.fixture
async def sagas(
    servers: Servers,
    pool: Pool,
    providers: tuple[StripePayments, HttpCarrier],
    payment_simulator: SimulatorProcess,
    carrier_simulator: SimulatorProcess,
) -> AsyncIterator[Sagas]:
    client = await Client.connect(
        servers.temporal_address, data_converter=data_converter(PAYLOAD_KEYS)
    )
    simulators = (payment_simulator, carrier_simulator)
    async with running_sagas(client, pool, providers, simulators) as sagas:
        yield sagas
    await replayed(sagas)


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[SagaQueries]:
    engine = create_engine(database_url)
    yield SagaQueries(engine)
    await engine.dispose()


async def replayed(sagas: Sagas) -> None:
    await replay(await sagas.histories(commands=True), sagas.client.data_converter)
