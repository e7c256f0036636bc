"""News after the end, late failures of refunds, and parcels that come back, each with every fault.

Some cases run always, and all of them with FULL=1.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Final

import pytest
from temporalio.client import WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from domain.ids import aftercare_workflow_id
from domain.payment.decide import PAYMENT
from domain.provider_notifications import (
    PaymentNotification,
    PaymentNotificationKind,
    ShipmentNotification,
)
from domain.provider_notifications import ShipmentNotificationKind as Kind
from domain.saga.commands import Intervention
from kit.eventually import eventually
from providers.carrier_simulator.routes import LOST, NEVER_COMES_BACK, NEVER_DELIVERED, NORMAL
from providers.http_carrier import HttpCarrier
from tests.matrix.world import World
from tests.support.sagas import Sagas, an_order, running_sagas
from tests.support.simulators import API_KEY

pytestmark = [pytest.mark.matrix, pytest.mark.timeout(300)]

PIECES, PAID = 2, 500
MONTH: Final = timedelta(days=30)
MOMENT: Final = timedelta(milliseconds=50)


class Fault(StrEnum):
    NONE = "none"
    SILENT = "silent"
    """The provider does not answer the first three questions."""
    LOST_ANSWER = "lost answer"
    """The provider refunds, and its answer never arrives."""
    TERMINATED = "terminated"
    """The workflow is terminated once it has parked or ended."""
    TWICE = "twice"
    """Each notification arrives three times."""


@dataclass(frozen=True)
class News:
    """What happens after the order has come to `until`, and where stock and money are in the end.

    `refunded` and `on_hand` are the sums at the end; `parks` is the step that an operator retries.
    """

    name: str
    until: Callable[[Sagas, str], Awaitable[str]]
    happens: Callable[[Sagas, str], Awaitable[None]]
    report: PaymentNotification | ShipmentNotification
    refunded: int
    on_hand: int
    parks: str | None = None
    differs: bool = False


async def completed(sagas: Sagas, sku: str) -> str:
    order_id = await sagas.arrived(an_order((sku, PIECES), postal_code=NORMAL))
    assert await sagas.end(order_id) == "COMPLETED"
    return order_id


async def lost(sagas: Sagas, sku: str) -> str:
    order_id = await sagas.place(an_order((sku, PIECES), postal_code=LOST))
    await sagas.carrier_simulator.until_recorded(order_id, "lost")
    await sagas.notify(order_id, Kind.DISPATCHED, Kind.LOST)
    assert await sagas.end(order_id) == "CANCELLED"
    return order_id


async def returned(sagas: Sagas, sku: str) -> str:
    order_id = await sagas.within(return_window=MONTH).arrived(
        an_order((sku, PIECES), postal_code=NORMAL)
    )
    await sagas.send_back(order_id)
    await sagas.carrier_simulator.until_recorded(order_id, "returned")
    await sagas.notify(order_id, Kind.RETURNED)
    assert await sagas.end(order_id) == "RETURNED"
    return order_id


async def lapsed(sagas: Sagas, sku: str) -> str:
    patient = sagas.within(return_window=timedelta(seconds=2), return_delivery=MOMENT)
    order_id = await patient.arrived(an_order((sku, PIECES), postal_code=NEVER_COMES_BACK))
    await sagas.send_back(order_id)
    assert await sagas.end(order_id) == "COMPLETED"
    return order_id


async def under_way(sagas: Sagas, sku: str) -> str:
    order_id = await sagas.place(an_order((sku, PIECES), postal_code=NEVER_DELIVERED))
    await sagas.carrier_simulator.until_recorded(order_id, "dispatched")
    await sagas.notify(order_id, Kind.DISPATCHED)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    return order_id


async def not_dispatched_yet(sagas: Sagas, sku: str) -> str:
    order_id = await sagas.place(an_order((sku, PIECES), postal_code=NEVER_DELIVERED))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    await sagas.carrier_simulator.until_recorded(order_id, "dispatched")
    return order_id


def parcel(status: str) -> Callable[[Sagas, str], Awaitable[None]]:
    async def happens(sagas: Sagas, order_id: str) -> None:
        await sagas.carrier_simulator.happen("shipments", reference=order_id, status=status)

    return happens


async def goods_back(sagas: Sagas, order_id: str) -> None:
    await sagas.carrier_simulator.happen("returns", reference=order_id)


async def refunds_fail(sagas: Sagas, order_id: str) -> None:
    await sagas.payment_simulator.happen("failed_refunds", order_id=order_id)


async def dispute_lost(sagas: Sagas, order_id: str) -> None:
    dispute = await sagas.payment_simulator.happen("disputes", order_id=order_id)
    await sagas.payment_simulator.happen(f"disputes/{dispute['id']}", status="lost")


REFUND = PaymentNotification("", 1, PaymentNotificationKind.REFUND)
DISPUTE = PaymentNotification("", 1, PaymentNotificationKind.DISPUTE)
BACK = ShipmentNotification("", Kind.RETURNED)
TO_SENDER = ShipmentNotification("", Kind.RETURNED_TO_SENDER)
DELIVERED = ShipmentNotification("", Kind.DELIVERED)
AGAIN = "refund_again_1"

NEWS: Final = (
    News("refund fails after the return", returned, refunds_fail, REFUND, PAID, 2, AGAIN),
    News("refund fails after the loss", lost, refunds_fail, REFUND, PAID, 0, AGAIN),
    News("dispute lost after the end", completed, dispute_lost, DISPUTE, 0, 0),
    News("goods back after the lapse", lapsed, goods_back, BACK, PAID, 2),
    News("lost, then delivered", lost, parcel("delivered"), DELIVERED, PAID, 0, differs=True),
    News("lost, then back", lost, parcel("returned_to_sender"), TO_SENDER, PAID, 2),
    News("back under way", under_way, parcel("returned_to_sender"), TO_SENDER, PAID, 2),
    News(
        "back before its dispatch is known",
        not_dispatched_yet,
        parcel("returned_to_sender"),
        TO_SENDER,
        PAID,
        2,
    ),
)
ALL: Final = [(news, fault) for news in NEWS for fault in Fault]
QUICK: Final = [
    (NEWS[0], Fault.LOST_ANSWER),
    (NEWS[3], Fault.SILENT),
    (NEWS[5], Fault.TWICE),
    (NEWS[7], Fault.NONE),
]
CASES: Final = ALL if os.environ.get("FULL") else QUICK


@pytest.fixture
async def sagas(world: World) -> AsyncIterator[Sagas]:
    carrier = HttpCarrier(API_KEY, world.carrier.url)
    providers = (world.payment_client, carrier)
    simulators = (world.payments, world.carrier)
    async with running_sagas(world.client, world.pool, providers, simulators) as sagas:
        yield sagas
    await carrier.close()


async def at_rest(sagas: Sagas, order_id: str) -> None:
    """Wait until no aftercare of the order runs."""
    handle = sagas.client.get_workflow_handle(aftercare_workflow_id(order_id))

    async def has_ended() -> bool:
        try:
            status = (await handle.describe()).status
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            return True
        return status is not WorkflowExecutionStatus.RUNNING

    await eventually(has_ended, seconds=60)


async def report(sagas: Sagas, news: News, order_id: str, times: int = 1) -> None:
    for _ in range(times):
        match news.report:
            case PaymentNotification(attempt=attempt, kind=kind):
                known = PaymentNotification(order_id, attempt, kind)
                await sagas.orchestrator.handle_event(known)
            case ShipmentNotification(kind=moved):
                await sagas.notify(order_id, moved)


async def settle(sagas: Sagas, news: News, fault: Fault, order_id: str) -> None:
    """Act as the operator: terminate what the case terminates, and retry what is parked."""
    if news.parks is not None:
        await sagas.parked(order_id, news.parks)
    if fault is Fault.TERMINATED:
        if news.parks is None:
            await at_rest(sagas, order_id)
        await _terminate(sagas, order_id)
        await report(sagas, news, order_id)
    if news.parks is not None:  # the new run keeps the parking of the one that was terminated
        await sagas.intervene(order_id, news.parks, Intervention.RETRY)
    await at_rest(sagas, order_id)


async def _terminate(sagas: Sagas, order_id: str) -> None:
    try:
        await sagas.client.get_workflow_handle(aftercare_workflow_id(order_id)).terminate()
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise


@pytest.mark.parametrize(
    ("news", "fault"), [pytest.param(*case, id=f"{case[0].name}-{case[1]}") for case in CASES]
)
async def test_stock_and_money_add_up_after_the_news(
    sagas: Sagas, news: News, fault: Fault
) -> None:
    sku = await sagas.stocked(PIECES)
    order_id = await news.until(sagas, sku)
    await news.happens(sagas, order_id)
    if fault is Fault.SILENT:
        for simulator in (sagas.payment_simulator, sagas.carrier_simulator):
            simulator.set_fault({"fail_next": {"operation": "look", "how": "503", "times": 3}})
    if fault is Fault.LOST_ANSWER:
        lost_answer = {"operation": "refund", "how": "timeout_after", "times": 1}
        sagas.payment_simulator.set_fault({"fail_next": lost_answer})

    await report(sagas, news, order_id, times=3 if fault is Fault.TWICE else 1)
    await settle(sagas, news, fault, order_id)

    async def adds_up() -> bool:
        stored = await sagas.store.load_events(f"payment-{order_id}")
        payment = PAYMENT.fold(event.decode() for event in stored)
        stock = await sagas.inventory(sku)
        return (payment.refunded, stock.on_hand) == (news.refunded, news.on_hand)

    await eventually(adds_up, seconds=60)
    money = await sagas.money(order_id)
    refunded = money.get("refunded", (0, 0))[1] - money.get("refund_failed", (0, 0))[1]
    assert (money["captured"], refunded) == ((1, PAID), news.refunded)
    saga = await sagas.events(f"saga-{order_id}")
    assert saga.count("DiscrepancyFound") - saga.count("DiscrepancyResolved") == int(news.differs)
