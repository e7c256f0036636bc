"""Start the two simulators once, with clients of the providers for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from providers.http_carrier import HttpCarrier
from providers.stripe_payments import StripePayments
from tests.support.simulators import API_KEY, RETURN_URL, Receiver, SimulatorProcess, simulator


@pytest.fixture(scope="session")
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", receiver.port)
    async with server:
        yield receiver


@pytest.fixture(scope="session")
async def payment_simulator(
    tmp_path_factory: pytest.TempPathFactory, receiver: Receiver
) -> AsyncIterator[SimulatorProcess]:
    process = simulator("payment", tmp_path_factory.mktemp("payments"), receiver)
    with process.running():
        await process.ready()
        yield process


@pytest.fixture(scope="session")
async def carrier_simulator(
    tmp_path_factory: pytest.TempPathFactory, receiver: Receiver
) -> AsyncIterator[SimulatorProcess]:
    process = simulator("carrier", tmp_path_factory.mktemp("carrier"), receiver)
    with process.running():
        await process.ready()
        yield process


@pytest.fixture(scope="session")
async def payments(payment_simulator: SimulatorProcess) -> AsyncIterator[StripePayments]:
    client = StripePayments(API_KEY, payment_simulator.url, RETURN_URL)
    yield client
    await client.close()


@pytest.fixture(scope="session")
async def carrier(carrier_simulator: SimulatorProcess) -> AsyncIterator[HttpCarrier]:
    client = HttpCarrier(API_KEY, carrier_simulator.url)
    yield client
    await client.close()
