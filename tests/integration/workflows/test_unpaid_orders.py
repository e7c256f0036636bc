"""An order of nothing to pay goes the whole way, and nothing asks the payment provider."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, cast

import pytest

from activities.command_handler import CommandHandler
from activities.reconciliation.provider_comparison import ProviderComparison
from domain.errors import ErrorCode, Refused
from domain.inventory.state import InventoryState
from domain.order.lines import ReturnedLine
from domain.provider_notifications import ShipmentNotificationKind
from kit.engine import create_engine
from providers.carrier_simulator.routes import LOST, NORMAL, REFUSED
from providers.errors import ProviderRefused
from providers.http_carrier import HttpCarrier
from providers.stripe_payments import StripePayments
from queries.saga_ledger import StepView
from queries.saga_states import StepState
from queries.sagas import SagaQueries
from tests.support.gates import When
from tests.support.sagas import Sagas, a_free_order

OPEN = timedelta(minutes=5)
WHOLE_WAY = [
    "OrderCreated",
    "OrderReserved",
    "OrderAuthorized",
    "OrderConfirmed",
    "OrderShipped",
    "OrderDelivered",
    "OrderCompleted",
]


@dataclass
class NoPayments:
    """A payment provider that refuses every call, and remembers it."""

    asked: list[str] = field(default_factory=list)

    def __getattr__(self, operation: str) -> Any:  # noqa: ANN401 - any method
        def refuse(**_: object) -> None:
            self.asked.append(operation)
            raise ProviderRefused("payments", operation, "asked_for_nothing", 400)

        return refuse


@pytest.fixture
def no_payments() -> NoPayments:
    return NoPayments()


@pytest.fixture
def providers(no_payments: NoPayments, carrier: HttpCarrier) -> tuple[StripePayments, HttpCarrier]:
    return cast("StripePayments", no_payments), carrier


@pytest.fixture(autouse=True)
def _is_never_asked(no_payments: NoPayments) -> Iterator[None]:
    yield
    assert no_payments.asked == []


@pytest.fixture
async def ledger(database_url: str) -> AsyncIterator[SagaQueries]:
    engine = create_engine(database_url)
    yield SagaQueries(engine)
    await engine.dispose()


async def steps(ledger: SagaQueries, order_id: str) -> dict[str, StepView]:
    saga = await ledger.get(order_id)
    assert saga is not None
    return {step.name: step for step in saga.steps}


async def arrived(sagas: Sagas, sku: str, pieces: int, window: timedelta = OPEN) -> str:
    patient = sagas.within(return_window=window)
    return await patient.arrived(a_free_order((sku, pieces), postal_code=NORMAL))


async def sent_back(sagas: Sagas, order_id: str, *lines: ReturnedLine) -> None:
    await sagas.send_back(order_id, *lines)
    await sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)


async def test_it_is_reserved_confirmed_shipped_delivered_and_completed(sagas: Sagas) -> None:
    sku = await sagas.stocked(3)
    order_id = await arrived(sagas, sku, 2, window=timedelta(0))

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"order-{order_id}") == WHOLE_WAY
    assert await sagas.events(f"payment-{order_id}") == []
    assert await sagas.inventory(sku) == InventoryState(received=3, shipped=2)


async def test_the_ledger_says_that_no_payment_is_needed(sagas: Sagas, ledger: SagaQueries) -> None:
    order_id = await sagas.place(a_free_order((await sagas.stocked(1), 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.until(f"order-{order_id}", "OrderShipped")

    found = await steps(ledger, order_id)
    assert [found[name].description for name in ("authorize", "await_payment")] == [
        "Confirm the order. Its total is 0: no payment is needed.",
        "Nothing to wait for. The total is 0: no payment is needed.",
    ]
    assert found["capture"].description.startswith(
        "Record that the parcel has left. The total is 0: no payment is needed."
    )
    undo = found["authorize"].undo
    assert undo is not None
    assert undo.description == "Nothing to give back. The total is 0: no payment was needed."
    states = {name: step.state for name, step in found.items()}
    assert {states[name] for name in ("authorize", "await_payment", "capture")} == {StepState.DONE}
    assert states["await_delivery"] is StepState.RUNNING


async def test_a_cancellation_gives_back_the_stock_alone(sagas: Sagas, ledger: SagaQueries) -> None:
    sku = await sagas.stocked(2)
    order_id = await sagas.place(a_free_order((sku, 2)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")

    await sagas.cancel(order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.inventory(sku) == InventoryState(received=2)
    assert await sagas.events(f"payment-{order_id}") == []
    assert await sagas.events(f"saga-{order_id}") == []
    found = await steps(ledger, order_id)
    assert found["authorize"].state is StepState.UNDONE


@pytest.mark.parametrize(("postal_code", "reason"), [(REFUSED, "SHIPMENT_FAILED")])
async def test_a_compensation_gives_back_the_stock_alone(
    sagas: Sagas, postal_code: str, reason: str
) -> None:
    sku = await sagas.stocked(2)
    order_id = await sagas.place(a_free_order((sku, 2), postal_code=postal_code))

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == reason
    assert await sagas.inventory(sku) == InventoryState(received=2)
    assert await sagas.events(f"payment-{order_id}") == []


async def test_a_lost_parcel_ends_the_order_and_refunds_nothing(sagas: Sagas) -> None:
    order_id = await sagas.place(a_free_order((await sagas.stocked(1), 1), postal_code=LOST))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.LOST)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "PARCEL_LOST"
    assert await sagas.events(f"payment-{order_id}") == []


async def test_a_whole_return_brings_back_the_stock_alone(sagas: Sagas) -> None:
    sku = await sagas.stocked(2)
    order_id = await arrived(sagas, sku, 2)
    await sent_back(sagas, order_id)

    assert await sagas.end(order_id) == "RETURNED"
    assert await sagas.inventory(sku) == InventoryState(received=2, returns=(order_id,))
    assert await sagas.events(f"payment-{order_id}") == []


async def test_a_return_of_a_part_brings_back_that_part(sagas: Sagas) -> None:
    sku = await sagas.stocked(2)
    order_id = await arrived(sagas, sku, 2, window=timedelta(seconds=2))
    await sent_back(sagas, order_id, ReturnedLine(sku=sku, quantity=1))

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.inventory(sku) == InventoryState(received=2, shipped=1, returns=(order_id,))


@pytest.mark.parametrize("when", When)
@pytest.mark.parametrize("step", ["authorize", "capture", "deliver"])
async def test_it_is_delivered_once_when_recovered_beside_a_step(
    sagas: Sagas, step: str, when: When
) -> None:
    sku = await sagas.stocked(1)
    order = a_free_order((sku, 1), postal_code=NORMAL)
    order_id = order.aggregate_id
    async with sagas.gates.stopped(step, order_id, when) as gate:
        placing = asyncio.create_task(sagas.place(order))
        if step in {"capture", "deliver"}:
            await sagas.delivered(order_id)
        await gate.reached()
        await sagas.terminate(order_id)
        await sagas.recover(order_id)
    await asyncio.gather(placing, return_exceptions=True)  # cut off together with its workflow
    await sagas.delivered(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"order-{order_id}") == WHOLE_WAY
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)
    assert await sagas.events(f"payment-{order_id}") == []


async def test_it_is_delivered_once_when_recovered_beside_its_reservation(sagas: Sagas) -> None:
    sku = await sagas.stocked(1)
    order = a_free_order((sku, 2), postal_code=NORMAL, backorder=True)
    order_id = order.aggregate_id
    async with sagas.gates.stopped("reserve", order_id, When.BEFORE) as gate:
        placing = asyncio.create_task(sagas.place(order))
        await gate.reached()
        await sagas.terminate(order_id)
        await sagas.recover(order_id)
    await asyncio.gather(placing, return_exceptions=True)  # cut off together with its workflow
    await sagas.until(f"inventory-{sku}", "BackorderQueued")
    await sagas.receive(sku, 1)
    await sagas.delivered(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"order-{order_id}") == WHOLE_WAY
    assert await sagas.inventory(sku) == InventoryState(received=2, shipped=2)
    assert await sagas.events(f"payment-{order_id}") == []


async def test_it_is_delivered_when_recovered_before_the_dispatch(sagas: Sagas) -> None:
    """A recovered saga asks whether the money is still held: here there is none to hold."""
    sku = await sagas.stocked(1)
    order_id = await sagas.place(a_free_order((sku, 1), postal_code=NORMAL))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.terminate(order_id)
    await sagas.recover(order_id)

    await sagas.delivered(order_id)

    assert await sagas.end(order_id) == "COMPLETED"
    assert await sagas.events(f"order-{order_id}") == WHOLE_WAY
    assert "ShipmentStopped" not in await sagas.events(f"shipment-{order_id}")
    assert await sagas.inventory(sku) == InventoryState(received=1, shipped=1)


@pytest.mark.parametrize("when", When)
async def test_it_is_undone_once_when_recovered_beside_the_undo(sagas: Sagas, when: When) -> None:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(a_free_order((sku, 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    async with sagas.gates.stopped("give_back", order_id, when) as gate:
        await sagas.cancel(order_id)
        await gate.reached()
        await sagas.terminate(order_id)
        await sagas.recover(order_id)

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.inventory(sku) == InventoryState(received=1)
    assert await sagas.events(f"payment-{order_id}") == []


async def test_a_late_attempt_to_confirm_a_cancelled_order_is_refused(sagas: Sagas) -> None:
    order_id = await sagas.place(a_free_order((await sagas.stocked(1), 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.cancel(order_id)
    assert await sagas.end(order_id) == "CANCELLED"
    before = await sagas.events(f"order-{order_id}")

    for step in ("authorize", "capture"):
        with pytest.raises(Refused) as refused:
            await sagas.stray(step, order_id)
        assert refused.value.code is ErrorCode.WRONG_STATE
    for step in ("give_back", "restore"):
        await sagas.stray(step, order_id)
    assert await sagas.events(f"order-{order_id}") == before
    assert await sagas.events(f"payment-{order_id}") == []


async def test_reconciliation_finds_no_difference_and_asks_no_payment_provider(
    sagas: Sagas, providers: tuple[StripePayments, HttpCarrier]
) -> None:
    compared = ProviderComparison(CommandHandler(sagas.store), *providers)
    open_order = await sagas.place(a_free_order((await sagas.stocked(1), 1)))
    await sagas.until(f"shipment-{open_order}", "ShipmentCreated")
    ended = await arrived(sagas, await sagas.stocked(1), 1, window=timedelta(0))
    assert await sagas.end(ended) == "COMPLETED"

    for order_id in (open_order, ended):
        assert all(system.agrees for system in await compared.read(order_id))
