"""A provider that is down for everybody: orders wait, and none is cancelled or parked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
from temporalio.client import Client

from domain.provider_notifications import ShipmentNotificationKind
from kit.eventually import eventually
from kit.pool import Pool
from providers.breaker import PAYMENTS, Breaker, BreakerLimits
from providers.errors import ProviderUnavailable
from providers.http_carrier import HttpCarrier
from providers.stripe_payments import StripePayments
from stack.servers import Servers
from temporal.client import data_converter
from tests.integration.workflows.conftest import replayed
from tests.support.keys import PAYLOAD_KEYS
from tests.support.sagas import Sagas, an_order, running_sagas
from tests.support.simulators import API_KEY, RETURN_URL, Receiver, SimulatorProcess, simulator

CALLS: Final = 20
ORDERS: Final = 24
OWN_TIME: Final = timedelta(seconds=2.4)
RETRIES_LONGER_THAN_THE_OWN_TIME: Final = 12
"""Each retry of a wait comes after 0.2 s at least, and after 0.4 s on average."""
LONG: Final = timedelta(minutes=1)
"""A pause in which no call of an order is a probe."""


@dataclass
class Outage:
    """Sagas with a payment provider that a test starts and stops, and its breaker."""

    sagas: Sagas
    simulator: SimulatorProcess
    payments: StripePayments
    breaker: Breaker
    _running: ExitStack = field(default_factory=ExitStack)

    async def ends(self) -> None:
        self._running.enter_context(self.simulator.running())
        await self.simulator.ready()

    def begins(self) -> None:
        self._running.close()

    async def is_noticed(self) -> None:
        """Make calls until they pause."""
        while not self.breaker.is_open:
            with pytest.raises(ProviderUnavailable):
                await self.payments.get(reference="pi_1")

    async def placed(self, count: int = ORDERS) -> list[str]:
        sku = await self.sagas.stocked(count)
        return await asyncio.gather(*(self.sagas.place(an_order((sku, 1))) for _ in range(count)))

    async def waits(self, order_id: str) -> None:
        await self.sagas.until_failed(order_id, "await_provider", RETRIES_LONGER_THAN_THE_OWN_TIME)

    async def order_events(self, orders: list[str]) -> set[str]:
        found = await asyncio.gather(*(self.sagas.events(f"order-{one}") for one in orders))
        return {event for events in found for event in events}

    async def sagas_events(self, orders: list[str]) -> set[str]:
        found = await asyncio.gather(*(self.sagas.events(f"saga-{one}") for one in orders))
        return {event for events in found for event in events}


@pytest.fixture
def own_simulator(tmp_path: Path, receiver: Receiver) -> SimulatorProcess:
    return simulator("payment", tmp_path, receiver)


@pytest.fixture
def pause() -> timedelta:
    return timedelta(seconds=0.2)


@pytest.fixture
def breaker(pause: timedelta) -> Breaker:
    return Breaker(PAYMENTS, BreakerLimits(CALLS, failure_rate=0.5, pause=pause))


@pytest.fixture
async def temporal(servers: Servers) -> Client:
    return await Client.connect(
        servers.temporal_address, data_converter=data_converter(PAYLOAD_KEYS)
    )


@pytest.fixture
def carriers(
    carrier: HttpCarrier, carrier_simulator: SimulatorProcess
) -> tuple[HttpCarrier, SimulatorProcess]:
    return carrier, carrier_simulator


@pytest.fixture
async def outage(
    temporal: Client,
    pool: Pool,
    carriers: tuple[HttpCarrier, SimulatorProcess],
    own_simulator: SimulatorProcess,
    breaker: Breaker,
) -> AsyncIterator[Outage]:
    own, (carrier, carrier_simulator) = own_simulator, carriers
    payments = StripePayments(API_KEY, own.url, RETURN_URL, breaker=breaker)
    providers, simulators = (payments, carrier), (own, carrier_simulator)
    async with running_sagas(temporal, pool, providers, simulators) as sagas:
        impatient = sagas.within(provider_timeout=OWN_TIME, undo_timeout=OWN_TIME)
        outage = Outage(impatient, own, payments, breaker)
        yield outage
        outage.begins()
    await replayed(sagas)
    await payments.close()


async def test_orders_that_come_while_the_provider_is_down_are_confirmed_once_it_is_up(
    outage: Outage,
) -> None:
    await outage.is_noticed()
    orders = await outage.placed()
    await asyncio.gather(*(outage.waits(order_id) for order_id in orders))
    assert await outage.order_events(orders) == {"OrderCreated", "OrderReserved"}
    assert await outage.sagas_events(orders) == set()

    await outage.ends()
    for order_id in orders:
        await outage.sagas.until(f"order-{order_id}", "OrderConfirmed")

    assert not outage.breaker.is_open
    assert "OrderCancellationRequested" not in await outage.order_events(orders)
    assert await outage.sagas_events(orders) == set()
    for order_id in orders:
        assert await outage.sagas.money(order_id) == {"authorized": (1, 250)}


async def test_orders_under_way_when_the_provider_goes_down_are_confirmed_too(
    outage: Outage,
) -> None:
    patient = outage.sagas.within(provider_timeout=timedelta(seconds=20))
    orders = await Outage(patient, outage.simulator, outage.payments, outage.breaker).placed()
    await eventually(lambda: outage.breaker.is_open)

    await outage.ends()
    for order_id in orders:
        await outage.sagas.until(f"order-{order_id}", "OrderConfirmed")
        assert await outage.sagas.money(order_id) == {"authorized": (1, 250)}
    assert await outage.sagas_events(orders) == set()


async def test_undos_wait_for_the_provider_and_do_not_park(outage: Outage) -> None:
    await outage.ends()
    orders = await outage.placed(10)
    for order_id in orders:
        await outage.sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    outage.begins()
    await outage.is_noticed()
    for order_id in orders:
        await outage.sagas.cancel(order_id)
    await asyncio.gather(*(outage.waits(order_id) for order_id in orders))
    assert await outage.sagas_events(orders) == set()

    await outage.ends()
    for order_id in orders:
        assert await outage.sagas.end(order_id) == "CANCELLED"
        assert await outage.sagas.money(order_id) == {"authorized": (1, 250), "voided": (1, 250)}
    assert await outage.sagas_events(orders) == set()


async def test_a_capture_waits_for_the_provider_and_does_not_park(outage: Outage) -> None:
    await outage.ends()
    [order_id] = await outage.placed(1)
    await outage.sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    outage.begins()
    await outage.is_noticed()
    await outage.sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await outage.waits(order_id)
    assert await outage.sagas_events([order_id]) == set()

    await outage.ends()
    await outage.sagas.until(f"payment-{order_id}", "PaymentCaptured")
    assert await outage.sagas.money(order_id) == {"authorized": (1, 250), "captured": (1, 250)}


@pytest.mark.parametrize("pause", [LONG])
async def test_an_order_cancelled_during_the_outage_needs_no_provider(outage: Outage) -> None:
    await outage.is_noticed()
    [order_id] = await outage.placed(1)
    await outage.sagas.until_failed(order_id, "await_provider", 1)

    await outage.sagas.cancel(order_id)

    assert await outage.sagas.end(order_id) == "CANCELLED"
    assert await outage.sagas.events(f"payment-{order_id}") == ["PaymentVoided"]
    assert await outage.sagas_events([order_id]) == set()


@pytest.mark.parametrize("pause", [LONG])
async def test_an_order_waits_until_its_payment_window_closes(outage: Outage) -> None:
    await outage.is_noticed()
    short = outage.sagas.within(payment_window=timedelta(seconds=3))
    sku = await short.stocked(1)
    order_id = await short.place(an_order((sku, 1)))

    assert await short.end(order_id) == "CANCELLED"
    assert await short.reason(order_id) == "PAYMENT_FAILED"
    assert "await_provider" in await short.activities_of(order_id)
    assert await short.events(f"payment-{order_id}") == ["PaymentVoided"]
    assert await short.events(f"saga-{order_id}") == []
    assert (await short.inventory(sku)).available == 1
