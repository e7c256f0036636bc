"""The simulator ends holds as Stripe does, and the client reads their ends."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from domain.provider_notifications import PaymentNotificationKind
from providers.errors import ProviderRefused
from providers.payment_simulator.methods import SHORT_HOLD, VISA
from providers.payment_webhook import verify_payment_webhook
from providers.payments import PaymentWebhook, ProviderPayment, ProviderPaymentState
from providers.stripe_payments import StripePayments
from tests.support.simulators import SECRET, Delivery, Receiver, SimulatorProcess


async def authorize(payments: StripePayments, order_id: str, method: str = VISA) -> ProviderPayment:
    return await payments.authorize(
        order_id=order_id, attempt=1, amount=1000, currency="EUR", method=method
    )


def believed(delivery: Delivery) -> PaymentWebhook:
    found = verify_payment_webhook(delivery.raw, delivery.headers["stripe-signature"], SECRET)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("method", "lasts"), [(VISA, timedelta(days=7)), (SHORT_HOLD, timedelta(seconds=10))]
)
async def test_an_authorization_says_until_when_it_can_be_captured(
    payments: StripePayments, order_id: str, method: str, lasts: timedelta
) -> None:
    before = datetime.fromtimestamp(int(time.time()), UTC)
    held = await authorize(payments, order_id, method)
    after = datetime.now(UTC)

    assert held.capture_before is not None
    assert before + lasts <= held.capture_before <= after + lasts
    assert await payments.get(reference=held.reference) == held


async def test_a_hold_that_ends_cancels_the_intent_and_is_notified(
    payments: StripePayments,
    payment_simulator: SimulatorProcess,
    receiver: Receiver,
    order_id: str,
) -> None:
    held = await authorize(payments, order_id)
    assert believed(await receiver.next(order_id)).kind is PaymentNotificationKind.AUTHORIZED

    await payment_simulator.end_hold(order_id)
    told = [believed(await receiver.next(order_id)) for _ in range(2)]

    assert {(one.type, one.kind, one.order_id, one.attempt) for one in told} == {
        ("payment_intent.canceled", PaymentNotificationKind.CANCELED, order_id, 1),
        ("charge.expired", PaymentNotificationKind.CANCELED, order_id, 1),
    }
    there = await payments.get(reference=held.reference)
    assert (there.state, there.captured, there.refunded) == (ProviderPaymentState.VOIDED, 0, 0)
    with pytest.raises(ProviderRefused):
        await payments.capture(reference=held.reference, amount=1000, currency="EUR")
    assert await payment_simulator.effects(order_id) == {
        "authorized": (1, 1000),
        "expired": (1, 1000),
    }


async def test_a_captured_payment_has_no_hold_that_could_end(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    held = await authorize(payments, order_id)
    await payments.capture(reference=held.reference, amount=1000, currency="EUR")

    await payment_simulator.end_hold(order_id)

    there = await payments.get(reference=held.reference)
    assert (there.state, there.captured) == (ProviderPaymentState.CAPTURED, 1000)


async def test_a_void_of_our_own_is_no_news(
    payments: StripePayments, receiver: Receiver, order_id: str
) -> None:
    held = await authorize(payments, order_id)
    await receiver.next(order_id)

    await payments.void(
        order_id=order_id, attempt=1, amount=1000, currency="EUR", reference=held.reference
    )

    told = await receiver.next(order_id)
    assert b'"type": "payment_intent.canceled"' in told.raw
    assert verify_payment_webhook(told.raw, told.headers["stripe-signature"], SECRET) is None
