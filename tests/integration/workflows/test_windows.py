"""A window is counted from the event that opened it, however often its saga is recovered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import asyncpg
import pytest

from domain.order.lines import ReturnedLine
from domain.provider_notifications import ShipmentNotificationKind
from providers.carrier_simulator.routes import NEVER_COMES_BACK
from providers.payment_simulator.methods import APPROVAL, DECLINED
from tests.support.sagas import PATIENT, Sagas, an_order

WINDOW: Final = PATIENT.dispatch
SHORT_OUTAGE, LONG_OUTAGE = timedelta(minutes=2), timedelta(minutes=6)
A_WORKFLOW_TASK: Final = timedelta(seconds=10)
"""Temporal dates a timer by the end of its workflow task, which takes no longer than this."""

AGO: Final = "UPDATE eventstore.event SET recorded_at = recorded_at - $1::interval"


@pytest.fixture
def sagas(sagas: Sagas) -> Sagas:
    return sagas.within(return_window=WINDOW)


async def waits_for_stock(sagas: Sagas) -> str:
    sku = await sagas.stocked(1)
    order_id = await sagas.place(an_order((sku, 2), backorder=True))
    await sagas.until(f"inventory-{sku}", "BackorderQueued")
    return order_id


async def waits_for_payment(sagas: Sagas) -> str:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1), method=DECLINED))
    await sagas.until_running(f"payment-{order_id}")
    return order_id


async def waits_for_dispatch(sagas: Sagas) -> str:
    order_id = await sagas.place(an_order((await sagas.stocked(1), 1)))
    await sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    return order_id


async def waits_for_delivery(sagas: Sagas) -> str:
    order_id = await waits_for_dispatch(sagas)
    await sagas.notify(order_id, ShipmentNotificationKind.DISPATCHED)
    await sagas.until(f"payment-{order_id}", "PaymentCaptured")
    return order_id


async def may_be_returned(sagas: Sagas) -> str:
    sku = await sagas.stocked(2)
    return await sagas.arrived(an_order((sku, 2), postal_code=NEVER_COMES_BACK))


async def waits_for_its_goods(sagas: Sagas) -> str:
    order_id = await may_be_returned(sagas)
    await sagas.send_back(order_id)
    await sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    return order_id


async def recovered_after(
    outage: timedelta, sagas: Sagas, order_id: str, owner: asyncpg.Connection
) -> None:
    """Terminate the order's workflow, make the log older by the outage, and recover the order."""
    await sagas.terminate(order_id)
    for workflow in ("payment", "return"):
        await sagas.until_closed(f"{workflow}-{order_id}")
    await owner.execute(AGO, outage)
    await sagas.recover(order_id)


async def closing(sagas: Sagas, order_id: str, opened_by: str) -> datetime:
    """Return when the window closes that this event opened."""
    stored = await sagas.store.load_events(f"order-{order_id}")
    return next(event.recorded_at for event in stored if event.type == opened_by) + WINDOW


WINDOWS: Final = [
    (waits_for_stock, "OrderCreated", "order", ("order", "OrderRejected")),
    (waits_for_payment, "OrderReserved", "payment", ("order", "OrderCancelled")),
    (waits_for_dispatch, "OrderConfirmed", "order", ("order", "OrderCancelled")),
    (waits_for_delivery, "OrderShipped", "order", ("saga", "SagaParked")),
    (may_be_returned, "OrderDelivered", "order", ("order", "OrderCompleted")),
    (waits_for_its_goods, "OrderReturnRequested", "return", ("order", "OrderReturnLapsed")),
]
"""Each row names the story up to the wait, the event that opened the window, the workflow that
waits, and the event that is appended when the window closes.
"""
Story = Callable[[Sagas], Awaitable[str]]


@pytest.mark.parametrize(("story", "opened_by", "waits"), [window[:3] for window in WINDOWS])
async def test_a_recovered_orders_window_closes_at_its_first_deadline(
    sagas: Sagas, owner: asyncpg.Connection, story: Story, opened_by: str, waits: str
) -> None:
    order_id = await story(sagas)

    await recovered_after(SHORT_OUTAGE, sagas, order_id, owner)

    closes_at = await sagas.waits_until(f"{waits}-{order_id}")
    assert abs(closes_at - await closing(sagas, order_id, opened_by)) < A_WORKFLOW_TASK


@pytest.mark.parametrize(("story", "closed"), [(window[0], window[3]) for window in WINDOWS])
async def test_a_window_that_closed_during_an_outage_is_closed_on_recovery(
    sagas: Sagas, owner: asyncpg.Connection, story: Story, closed: tuple[str, str]
) -> None:
    order_id = await story(sagas)
    stream, event = closed
    assert event not in await sagas.events(f"{stream}-{order_id}")

    await recovered_after(LONG_OUTAGE, sagas, order_id, owner)

    await sagas.until(f"{stream}-{order_id}", event)


async def test_an_outage_of_the_provider_does_not_prolong_a_payment_window_that_is_over(
    sagas: Sagas, owner: asyncpg.Connection
) -> None:
    hasty = sagas.within(provider_timeout=timedelta(milliseconds=200))
    order_id = await hasty.place(an_order((await sagas.stocked(1), 1), method=APPROVAL))
    await sagas.until(f"payment-{order_id}", "PaymentPending")

    with sagas.payment_simulator.failing(order_id, "*", "down"):
        await recovered_after(LONG_OUTAGE, hasty, order_id, owner)
        await sagas.until(f"order-{order_id}", "OrderCancellationRequested")

    assert await sagas.end(order_id) == "CANCELLED"
    assert await sagas.reason(order_id) == "PAYMENT_FAILED"


# A return inside the return window.


async def returned_in_part(sagas: Sagas, order_id: str) -> None:
    created = (await sagas.store.load_events(f"order-{order_id}"))[0]
    sku = created.data["lines"][0]["sku"]
    await sagas.send_back(order_id, ReturnedLine(sku=sku, quantity=1))
    await sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    await sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    await sagas.until(f"order-{order_id}", "OrderReturned")


async def lapsed(sagas: Sagas, order_id: str) -> None:
    await sagas.send_back(order_id)
    await sagas.until(f"order-{order_id}", "OrderReturnLapsed")


ReturnStory = Callable[[Sagas, str], Awaitable[None]]


@pytest.mark.parametrize(
    ("end", "return_delivery"),
    [(returned_in_part, WINDOW), (lapsed, timedelta(milliseconds=50))],
)
async def test_a_return_that_leaves_the_order_delivered_opens_no_second_return_window(
    sagas: Sagas, owner: asyncpg.Connection, end: ReturnStory, return_delivery: timedelta
) -> None:
    hurried = sagas.within(return_delivery=return_delivery)
    order_id = await may_be_returned(hurried)
    await recovered_after(SHORT_OUTAGE, hurried, order_id, owner)
    await sagas.waits_until(f"order-{order_id}")

    await end(hurried, order_id)

    closes_at = await closing(sagas, order_id, "OrderDelivered")
    assert abs(await sagas.waits_until(f"order-{order_id}") - closes_at) < A_WORKFLOW_TASK
    await sagas.terminate(order_id)
    await hurried.recover(order_id)
    assert abs(await sagas.waits_until(f"order-{order_id}") - closes_at) < A_WORKFLOW_TASK
