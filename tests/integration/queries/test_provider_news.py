"""A notification is dropped only when the log holds what it says."""

from __future__ import annotations

import pytest

from domain.money import Money
from domain.order import events as order
from domain.order.commands import CancellationReason
from domain.payment import events as payment
from domain.provider_notifications import (
    PaymentNotification,
    PaymentNotificationKind,
    ShipmentNotification,
    ShipmentNotificationKind,
)
from domain.saga import events as saga
from domain.shipping import events as shipping
from kit.pool import Pool
from queries.provider_news import ProviderNewsQueries
from tests.support.order_log import OrderLog

EUROS = Money(amount=250, currency="EUR")
DISPATCHED, CANCELLED = ShipmentNotificationKind.DISPATCHED, ShipmentNotificationKind.CANCELLED


@pytest.fixture
def news(pool: Pool) -> ProviderNewsQueries:
    return ProviderNewsQueries(pool)


@pytest.mark.parametrize(
    ("kind", "booking", "is_known"),
    [
        (DISPATCHED, None, True),
        (DISPATCHED, 2, True),
        (DISPATCHED, 1, False),
        (CANCELLED, 1, False),
    ],
)
async def test_the_news_of_a_stopped_parcel_is_not_held_by_that_of_the_next_one(
    news: ProviderNewsQueries,
    log: OrderLog,
    kind: ShipmentNotificationKind,
    booking: int | None,
    *,
    is_known: bool,
) -> None:
    await log.place("o1")
    await log.append(
        "shipment-o1",
        shipping.ShipmentCreated(order_id="o1", shipment_id="s1"),
        shipping.ShipmentStopped(order_id="o1", booking=1, attempt=1),
        shipping.ShipmentCreated(order_id="o1", shipment_id="s2", booking=2),
        shipping.ShipmentDispatched(order_id="o1"),
    )

    assert await news.is_known(ShipmentNotification("o1", kind, booking=booking)) is is_known


async def test_the_cancellation_of_a_stopped_parcel_is_known_once_the_order_has_ended(
    news: ProviderNewsQueries, log: OrderLog
) -> None:
    await log.place("o1")
    stopped = shipping.ShipmentStopped(order_id="o1", booking=1, attempt=1)
    await log.append(
        "shipment-o1", shipping.ShipmentCreated(order_id="o1", shipment_id="s1"), stopped
    )
    cancelled = order.OrderCancelled(order_id="o1", reason=CancellationReason.PAYMENT_WINDOW_CLOSED)
    await log.append("order-o1", cancelled)

    assert await news.is_known(ShipmentNotification("o1", CANCELLED, booking=1))


async def test_an_approval_after_an_operator_has_settled_the_payment_is_news(
    news: ProviderNewsQueries, log: OrderLog
) -> None:
    await log.place("o1")
    await log.append(
        "payment-o1",
        payment.PaymentRequested(order_id="o1", attempt=1, amount=EUROS, method="pm"),
        payment.PaymentSettledByOperator(
            order_id="o1",
            attempt=1,
            step="give_back",
            amount=Money(amount=0, currency="EUR"),
            settled_in_all=Money(amount=0, currency="EUR"),
        ),
    )
    authorized = PaymentNotification("o1", 1, PaymentNotificationKind.AUTHORIZED)

    assert not await news.is_known(authorized)


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("capture", PaymentNotificationKind.CAPTURED),
        ("give_back", PaymentNotificationKind.CANCELED),
    ],
)
async def test_what_an_operator_does_by_hand_is_news_while_its_step_is_parked(
    news: ProviderNewsQueries, log: OrderLog, step: str, kind: PaymentNotificationKind
) -> None:
    await log.place("o1")
    cancelling = order.OrderCancellationRequested(
        order_id="o1", reason=CancellationReason.CUSTOMER_REQUEST
    )
    await log.append("order-o1", cancelling)
    before = await news.is_known(PaymentNotification("o1", 1, kind))
    parked = saga.SagaParked(
        order_id="o1",
        step=step,
        undoing=False,
        parking=1,
        code="PROVIDER_REFUSED",
        message="refused",
        workflow_id="order-o1",
    )
    await log.append("saga-o1", parked)

    assert (before, await news.is_known(PaymentNotification("o1", 1, kind))) == (True, False)
