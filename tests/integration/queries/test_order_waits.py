"""Open orders are found by the party that they wait for, and by how long they have waited."""

from __future__ import annotations

from datetime import timedelta

import pytest

from domain.event import Event
from domain.inventory.events import BackorderEnded, BackorderQueued
from domain.order import events as order
from domain.order.commands import CancellationReason
from domain.payment import events as payment
from domain.saga.commands import ReconciledSystem
from domain.saga.events import DiscrepancyFound, DiscrepancyResolved, SagaRetried
from domain.shipping import events as shipping
from queries.order_waits import Wait, WaitingFor
from tests.integration.queries.searching import Search, parked
from tests.support.order_log import OrderLog
from tests.support.order_parts import PLACED_AT, a_line


async def test_each_status_waits_for_its_party_from_its_event_on(
    search: Search, log: OrderLog
) -> None:
    await log.place("placed")
    await search.reserve("reserved")
    await search.confirm("confirmed")
    await search.ship("shipped")
    await search.ship("delivered")
    await search.move("delivered", order.OrderDelivered)
    await log.append("shipment-delivered", shipping.ShipmentDelivered(order_id="delivered"))

    for party, order_id in (
        (WaitingFor.DISPATCH, "confirmed"),
        (WaitingFor.DELIVERY, "shipped"),
        (WaitingFor.PAYMENT, ""),
        (WaitingFor.STOCK, ""),
        (WaitingFor.OPERATOR, ""),
    ):
        assert await search.waiting(party) == order_id
        if order_id:
            since = (await search.order(order_id)).updated_at
            assert await search.waits(order_id) == [Wait(party, since)]
            assert await search.waiting(party, since=since) == order_id
            assert await search.waiting(party, since=since - timedelta(microseconds=1)) == ""
    for order_id in ("placed", "reserved", "delivered"):
        assert await search.waits(order_id) == []
    assert await search.waiting(*WaitingFor) == "confirmed shipped"


async def test_a_confirmed_order_of_nothing_to_pay_waits_for_its_dispatch(
    search: Search, log: OrderLog
) -> None:
    await log.place("free", lines=(a_line(unit_price=0),))
    await search.move("free", order.OrderReserved, order.OrderAuthorized, order.OrderConfirmed)
    since = (await search.order("free")).updated_at

    assert await search.waits("free") == [Wait(WaitingFor.DISPATCH, since)]
    assert await search.waiting(WaitingFor.DISPATCH, since=since) == "free"
    assert await search.waiting(WaitingFor.PAYMENT) == ""
    await search.move("free", order.OrderShipped)
    assert await search.waiting(WaitingFor.DISPATCH) == ""


@pytest.mark.parametrize(
    "event",
    [
        payment.PaymentPending(order_id="o1", attempt=1, reference="pi_1", action_url=None),
        payment.PaymentDeclined(order_id="o1", attempt=1, reference="pi_1", code="declined"),
    ],
)
async def test_a_payment_that_is_pending_or_declined_waits_for_its_customer(
    search: Search, log: OrderLog, event: Event
) -> None:
    await search.reserve("o1")
    await log.append("payment-o1", event)
    waits = await search.waits("o1")
    found = await search.waiting(WaitingFor.PAYMENT)
    reason = CancellationReason.CUSTOMER_REQUEST
    cancelled = order.OrderCancellationRequested(order_id="o1", reason=reason)
    await log.append("order-o1", cancelled)

    assert [wait.waiting_for for wait in waits] == [WaitingFor.PAYMENT]
    assert found == "o1"
    assert await search.waits("o1") == []
    assert await search.waiting(WaitingFor.PAYMENT) == ""


async def test_a_backorder_waits_for_stock_until_it_ends(search: Search, log: OrderLog) -> None:
    await log.place("o1")
    await log.append(
        "inventory-mug", BackorderQueued(sku="mug", order_id="o1", quantity=1, since=PLACED_AT)
    )
    placed_at = (await search.order("o1")).placed_at
    waits, found = await search.waits("o1"), await search.waiting(WaitingFor.STOCK)
    await log.append("inventory-mug", BackorderEnded(sku="mug", order_id="o1", quantity=1))

    assert waits == [Wait(WaitingFor.STOCK, placed_at)]
    assert found == "o1"
    assert await search.waiting(WaitingFor.STOCK) == ""


async def test_an_order_waits_for_an_operator_since_its_first_fault(
    search: Search, log: OrderLog
) -> None:
    await search.confirm("o1")
    await log.append("saga-o1", parked("o1"))
    parked_since = (await search.order("o1")).attention_since
    found = DiscrepancyFound(order_id="o1", system=ReconciledSystem.PAYMENT, ours="a", theirs="b")
    await log.append("saga-o1", found)
    both = (await search.order("o1")).attention_since
    retried = SagaRetried(order_id="o1", step="capture", parking=1, reason="again")
    await log.append("saga-o1", retried)
    last = await search.order("o1")
    waits = await search.waits("o1")
    found_ids = await search.waiting(WaitingFor.OPERATOR, since=last.attention_since)
    too_early = await search.waiting(WaitingFor.OPERATOR, since=parked_since)
    resolved = DiscrepancyResolved(order_id="o1", system=ReconciledSystem.PAYMENT)
    await log.append("saga-o1", resolved)

    assert parked_since is not None
    assert last.attention_since is not None
    assert both == parked_since < last.attention_since
    assert waits == [
        Wait(WaitingFor.DISPATCH, last.updated_at),
        Wait(WaitingFor.OPERATOR, last.attention_since),
    ]
    assert (found_ids, too_early) == ("o1", "")
    assert await search.waiting(WaitingFor.OPERATOR) == ""
    assert (await search.order("o1")).needs_attention is False
