"""The simulators send webhooks, and the clients verify them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from domain.provider_notifications import PaymentNotificationKind
from providers.carrier import CarrierShipmentStatus, ShipmentAddress, ShipmentItem
from providers.carrier_webhook import verify_carrier_webhook
from providers.errors import ProviderUnavailable
from providers.http_carrier import HttpCarrier
from providers.payment_webhook import verify_payment_webhook
from providers.payments import PaymentWebhook, ProviderPayment, ProviderPaymentState
from providers.stripe_payments import StripePayments

if TYPE_CHECKING:
    from tests.support.simulators import Delivery, Receiver, SimulatorProcess


def believed(delivery: Delivery, secret: str) -> PaymentWebhook:
    notification = verify_payment_webhook(
        delivery.raw, delivery.headers["stripe-signature"], secret
    )
    assert notification is not None
    return notification


async def authorize(
    payments: StripePayments, order_id: str, method: str = "pm_card_visa"
) -> ProviderPayment:
    return await payments.authorize(
        order_id=order_id, attempt=3, amount=1000, currency="EUR", method=method
    )


async def test_an_authorization_is_notified_with_its_order_and_attempt(
    payments: StripePayments, receiver: Receiver, secret: str, order_id: str
) -> None:
    reference = (await authorize(payments, order_id)).reference

    notification = believed(await receiver.next(order_id), secret)

    assert notification == PaymentWebhook(
        event_id=notification.event_id,
        type="payment_intent.amount_capturable_updated",
        order_id=order_id,
        attempt=3,
        kind=PaymentNotificationKind.AUTHORIZED,
        reference=reference,
    )
    assert notification.event_id.startswith("evt_")


async def test_each_change_of_a_payment_is_notified(
    payments: StripePayments, receiver: Receiver, order_id: str
) -> None:
    reference = (await authorize(payments, order_id)).reference
    await payments.capture(reference=reference, amount=1000, currency="EUR")

    assert await receiver.types(order_id, 2) == {
        "payment_intent.amount_capturable_updated",
        "payment_intent.succeeded",
    }


@pytest.mark.parametrize(
    ("method", "first"),
    [
        ("pm_card_chargeDeclined", "payment_intent.payment_failed"),
        ("pm_card_authenticationRequired", "payment_intent.requires_action"),
    ],
)
async def test_a_payment_without_success_and_its_void_are_notified(
    payments: StripePayments, receiver: Receiver, order_id: str, method: str, first: str
) -> None:
    await authorize(payments, order_id, method)
    await payments.void(order_id=order_id, attempt=3, amount=1000, currency="EUR")

    assert await receiver.types(order_id, 2) == {first, "payment_intent.canceled"}


async def test_a_webhook_arrives_while_the_answer_of_its_request_hangs(
    impatient_payments: StripePayments, receiver: Receiver, secret: str, order_id: str
) -> None:
    with pytest.raises(ProviderUnavailable):
        await authorize(impatient_payments, order_id, "pm_waybill_timeoutAfter")

    notification = believed(await receiver.next(order_id), secret)

    assert notification.type == "payment_intent.amount_capturable_updated"


async def test_a_webhook_is_repeated_until_it_is_acknowledged(
    payments: StripePayments, receiver: Receiver, secret: str, order_id: str
) -> None:
    receiver.refuse(order_id, times=2)
    held = await authorize(payments, order_id)

    tries = [believed(await receiver.next(order_id), secret) for _ in range(3)]
    await payments.capture(reference=held.reference, amount=1000, currency="EUR")
    after = believed(await receiver.next(order_id), secret)

    assert tries[0] == tries[1] == tries[2]
    assert after.type in {"payment_intent.succeeded", "charge.captured"}


async def test_a_killed_simulator_keeps_its_records_and_its_webhooks(
    own_payment_simulator: SimulatorProcess, receiver: Receiver, secret: str, order_id: str
) -> None:
    receiver.refuse(order_id, times=1)
    payments = StripePayments("key-of-the-tests", own_payment_simulator.url)
    with own_payment_simulator.running() as process:
        await own_payment_simulator.ready()
        before = await authorize(payments, order_id)
        first = believed(await receiver.next(order_id), secret)
        process.kill()
        process.wait()

    with own_payment_simulator.running():
        await own_payment_simulator.ready()
        again = believed(await receiver.next(order_id), secret)
        after = await authorize(payments, order_id)
        effects = await own_payment_simulator.effects(order_id)

    await payments.close()
    assert again == first
    assert (after, after.state) == (before, ProviderPaymentState.AUTHORIZED)
    assert effects == {"authorized": (1, 1000)}


async def test_each_step_of_a_shipment_is_notified_with_its_order(
    carrier: HttpCarrier, receiver: Receiver, secret: str, order_id: str
) -> None:
    await carrier.create_shipment(
        order_id=order_id,
        address=ShipmentAddress("Ada", "1 Main Street", "Bern", "3011", "CH"),
        items=[ShipmentItem("TEA-01", 1)],
    )

    deliveries = [await receiver.next(order_id) for _ in range(2)]
    notification = [verify_carrier_webhook(each.raw, each.headers, secret) for each in deliveries]

    ids = {each.event_id for each in notification if each is not None}
    assert {(each.order_id, each.status) for each in notification if each is not None} == {
        (order_id, CarrierShipmentStatus.DISPATCHED),
        (order_id, CarrierShipmentStatus.DELIVERED),
    }
    assert len(ids) == 2
    assert not any(b"Main Street" in each.raw for each in deliveries)
