from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from providers.errors import ProviderRefused, ProviderUnavailable
from providers.payments import ProviderPayment, ProviderPaymentState
from providers.stripe_payments import StripePayments

if TYPE_CHECKING:
    from tests.support.simulators import SimulatorProcess


async def authorized(payments: StripePayments, order_id: str) -> ProviderPayment:
    return await payments.authorize(
        order_id=order_id, attempt=1, amount=1000, currency="EUR", method="pm_card_visa"
    )


async def test_authorizing_holds_the_amount_and_takes_nothing(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    payment = await authorized(payments, order_id)

    assert payment == ProviderPayment(
        reference=payment.reference,
        state=ProviderPaymentState.AUTHORIZED,
        amount=1000,
        currency="EUR",
        captured=0,
        refunded=0,
        capture_before=payment.capture_before,
    )
    assert payment.capture_before is not None
    assert payment.reference.startswith("pi_")
    assert await payment_simulator.effects(order_id) == {"authorized": (1, 1000)}


async def test_authorizing_the_same_attempt_again_holds_nothing_more(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    first = await authorized(payments, order_id)

    assert await authorized(payments, order_id) == first
    assert await payment_simulator.effects(order_id) == {"authorized": (1, 1000)}


async def test_authorizing_after_the_capture_returns_the_capture(
    payments: StripePayments, order_id: str
) -> None:
    first = await authorized(payments, order_id)
    await payments.capture(reference=first.reference, amount=1000, currency="EUR")

    assert (await authorized(payments, order_id)).state is ProviderPaymentState.CAPTURED


@pytest.mark.parametrize(
    ("method", "decline_code"),
    [
        ("pm_card_chargeDeclined", "generic_decline"),
        ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ],
)
async def test_a_decline_is_a_state_with_its_code(
    payments: StripePayments,
    payment_simulator: SimulatorProcess,
    order_id: str,
    method: str,
    decline_code: str,
) -> None:
    payment = await payments.authorize(
        order_id=order_id, attempt=1, amount=1000, currency="EUR", method=method
    )

    assert (payment.state, payment.decline_code) == (ProviderPaymentState.DECLINED, decline_code)
    assert await payment_simulator.effects(order_id) == {}


async def test_a_second_attempt_after_a_decline_is_another_payment(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    declined = await payments.authorize(
        order_id=order_id, attempt=1, amount=1000, currency="EUR", method="pm_card_chargeDeclined"
    )
    paid = await payments.authorize(
        order_id=order_id, attempt=2, amount=1000, currency="EUR", method="pm_card_visa"
    )

    assert paid.state is ProviderPaymentState.AUTHORIZED
    assert paid.reference != declined.reference
    assert (await payments.get(reference=declined.reference)).state is ProviderPaymentState.DECLINED
    assert await payment_simulator.effects(order_id) == {"authorized": (1, 1000)}


async def test_another_method_for_the_same_attempt_is_refused_and_does_nothing(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    await payments.authorize(
        order_id=order_id, attempt=1, amount=1000, currency="EUR", method="pm_card_chargeDeclined"
    )

    with pytest.raises(ProviderRefused) as refusal:
        await authorized(payments, order_id)

    assert (refusal.value.code, refusal.value.status) == ("idempotency_error", 400)
    assert await payment_simulator.effects(order_id) == {}


async def test_an_unknown_method_is_declined_at_every_try(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    for _ in "12":
        payment = await payments.authorize(
            order_id=order_id, attempt=1, amount=1000, currency="EUR", method="pm_nobody"
        )
        assert (payment.state, payment.decline_code) == (
            ProviderPaymentState.DECLINED,
            "resource_missing",
        )

    assert await payment_simulator.effects(order_id) == {}


async def test_an_unknown_method_leaves_a_voided_payment_voided(
    payments: StripePayments, order_id: str
) -> None:
    facts = {"order_id": order_id, "attempt": 1, "amount": 1000, "currency": "EUR"}
    await payments.authorize(**facts, method="pm_nobody")  # type: ignore[arg-type]
    await payments.void(**facts)  # type: ignore[arg-type]

    payment = await payments.authorize(**facts, method="pm_nobody")  # type: ignore[arg-type]

    assert payment.state is ProviderPaymentState.VOIDED


async def test_a_wrong_api_key_refuses_no_payment(payment_simulator: SimulatorProcess) -> None:
    stranger = StripePayments("another key", payment_simulator.url)

    with pytest.raises(ProviderUnavailable) as unavailable:
        await stranger.get(reference="pi_1")

    assert unavailable.value.reason == "api_key_invalid"
    assert "another key" not in str(unavailable.value)
    await stranger.close()


async def test_capturing_takes_the_amount_once(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    reference = (await authorized(payments, order_id)).reference

    captures = [
        await payments.capture(reference=reference, amount=1000, currency="EUR") for _ in "12"
    ]

    assert (captures[0].state, captures[0].captured) == (ProviderPaymentState.CAPTURED, 1000)
    assert captures[1] == captures[0]
    assert await payment_simulator.effects(order_id) == {
        "authorized": (1, 1000),
        "captured": (1, 1000),
    }


async def test_captures_at_the_same_time_take_the_amount_once(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    reference = (await authorized(payments, order_id)).reference

    captures = await asyncio.gather(
        *(payments.capture(reference=reference, amount=1000, currency="EUR") for _ in range(5))
    )

    assert {(each.state, each.captured) for each in captures} == {
        (ProviderPaymentState.CAPTURED, 1000)
    }
    assert (await payment_simulator.effects(order_id))["captured"] == (1, 1000)


async def test_capturing_less_releases_the_rest(payments: StripePayments, order_id: str) -> None:
    reference = (await authorized(payments, order_id)).reference

    payment = await payments.capture(reference=reference, amount=700, currency="EUR")

    assert (payment.amount, payment.captured, payment.refunded) == (1000, 700, 0)


@pytest.mark.parametrize("before", [[], [1000]])
async def test_capturing_another_amount_than_was_held_or_taken_is_refused(
    payments: StripePayments,
    payment_simulator: SimulatorProcess,
    order_id: str,
    before: list[int],
) -> None:
    reference = (await authorized(payments, order_id)).reference
    for amount in before:
        await payments.capture(reference=reference, amount=amount, currency="EUR")
    effects = await payment_simulator.effects(order_id)

    with pytest.raises(ProviderRefused):
        await payments.capture(reference=reference, amount=1001, currency="EUR")

    assert await payment_simulator.effects(order_id) == effects


async def test_voiding_releases_the_hold_once(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    await authorized(payments, order_id)

    for _ in range(2):
        payment = await payments.void(order_id=order_id, attempt=1, amount=1000, currency="EUR")
        assert (payment.state, payment.captured) == (ProviderPaymentState.VOIDED, 0)

    assert await payment_simulator.effects(order_id) == {
        "authorized": (1, 1000),
        "voided": (1, 1000),
    }


async def test_voiding_by_reference_needs_no_key_that_the_provider_remembers(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    reference = (await authorized(payments, order_id)).reference

    # An attempt that the provider never got plays one whose key the provider has forgotten.
    payment = await payments.void(
        order_id=order_id, attempt=9, amount=1000, currency="EUR", reference=reference
    )

    assert (payment.reference, payment.state) == (reference, ProviderPaymentState.VOIDED)
    assert await payment_simulator.effects(order_id) == {
        "authorized": (1, 1000),
        "voided": (1, 1000),
    }


async def test_voiding_what_was_captured_is_refused_and_changes_nothing(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    reference = (await authorized(payments, order_id)).reference
    await payments.capture(reference=reference, amount=1000, currency="EUR")

    with pytest.raises(ProviderRefused) as refusal:
        await payments.void(order_id=order_id, attempt=1, amount=1000, currency="EUR")

    assert refusal.value.code == "payment_intent_unexpected_state"
    assert (await payments.get(reference=reference)).state is ProviderPaymentState.CAPTURED
    assert "voided" not in await payment_simulator.effects(order_id)


async def test_refunds_add_up_and_the_same_key_refunds_once(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    reference = (await authorized(payments, order_id)).reference
    await payments.capture(reference=reference, amount=1000, currency="EUR")

    refunded = [
        (
            await payments.refund(
                reference=reference, amount=amount, currency="EUR", key=f"{order_id}/{key}"
            )
        ).refunded
        for key, amount in [("a", 300), ("a", 300), ("b", 700)]
    ]

    assert refunded == [300, 300, 1000]
    assert (await payment_simulator.effects(order_id))["refunded"] == (2, 1000)


async def test_a_refund_above_the_rest_is_refused_and_changes_nothing(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    reference = (await authorized(payments, order_id)).reference
    await payments.capture(reference=reference, amount=1000, currency="EUR")
    await payments.refund(reference=reference, amount=400, currency="EUR", key=f"{order_id}/a")
    effects = await payment_simulator.effects(order_id)

    with pytest.raises(ProviderRefused) as refusal:
        await payments.refund(reference=reference, amount=601, currency="EUR", key=f"{order_id}/b")

    assert refusal.value.code == "amount_too_large"
    assert await payment_simulator.effects(order_id) == effects
    assert (await payments.get(reference=reference)).refunded == 400


async def test_a_hold_that_was_never_captured_cannot_be_refunded(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    reference = (await authorized(payments, order_id)).reference

    with pytest.raises(ProviderRefused):
        await payments.refund(
            reference=reference, amount=1, currency="EUR", key=f"{order_id}/refund"
        )

    assert await payment_simulator.effects(order_id) == {"authorized": (1, 1000)}
