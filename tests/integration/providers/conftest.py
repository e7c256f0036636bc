"""Provide more clients of the simulators: impatient ones, and bare HTTP."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from kit.local_http import local_client
from providers.http_carrier import HttpCarrier
from providers.stripe_payments import StripePayments
from tests.support.simulators import (
    API_KEY,
    RETURN_URL,
    SECRET,
    SHORT_TIMEOUT_SECONDS,
    Receiver,
    SimulatorProcess,
    simulator,
)


@pytest.fixture
def order_id() -> str:
    return f"order-{uuid.uuid4()}"


@pytest.fixture(scope="session")
def secret() -> str:
    return SECRET


@pytest.fixture
def own_payment_simulator(tmp_path: Path, receiver: Receiver) -> SimulatorProcess:
    """A simulator of one test, which the test may start, kill and start again."""
    return simulator("payment", tmp_path, receiver)


@pytest.fixture(scope="session")
async def impatient_payments(payment_simulator: SimulatorProcess) -> AsyncIterator[StripePayments]:
    client = StripePayments(API_KEY, payment_simulator.url, RETURN_URL, SHORT_TIMEOUT_SECONDS)
    yield client
    await client.close()


@pytest.fixture(scope="session")
async def impatient_carrier(carrier_simulator: SimulatorProcess) -> AsyncIterator[HttpCarrier]:
    client = HttpCarrier(API_KEY, carrier_simulator.url, total_seconds=SHORT_TIMEOUT_SECONDS)
    yield client
    await client.close()


@pytest.fixture
async def stripe_http(payment_simulator: SimulatorProcess) -> AsyncIterator[httpx.AsyncClient]:
    """Return bare HTTP to the payment simulator, which shows what Stripe's SDK hides."""
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with local_client(base_url=payment_simulator.url, headers=headers) as http:
        yield http


@pytest.fixture
async def carrier_http(carrier_simulator: SimulatorProcess) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with local_client(base_url=carrier_simulator.url, headers=headers) as http:
        yield http
