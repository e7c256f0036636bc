"""The client finds out the outcome of a payment whose answer was lost."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from providers.errors import ProviderUnavailable
from providers.payments import ProviderPayment, ProviderPaymentState
from providers.stripe_payments import StripePayments

if TYPE_CHECKING:
    from tests.support.simulators import SimulatorProcess


async def authorize(
    payments: StripePayments, order_id: str, method: str = "pm_card_visa"
) -> ProviderPayment:
    return await payments.authorize(
        order_id=order_id, attempt=1, amount=1000, currency="EUR", method=method
    )


async def find(payments: StripePayments, order_id: str) -> ProviderPayment:
    return await payments.find(order_id=order_id, attempt=1, amount=1000, currency="EUR")


async def void(payments: StripePayments, order_id: str) -> ProviderPayment:
    return await payments.void(order_id=order_id, attempt=1, amount=1000, currency="EUR")


async def test_finding_an_attempt_that_never_began_confirms_nothing(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    assert (await find(payments, order_id)).state is ProviderPaymentState.CREATED
    assert await payment_simulator.effects(order_id) == {}


async def test_an_attempt_can_still_be_authorized_after_a_search_for_it(
    payments: StripePayments, order_id: str
) -> None:
    found = await find(payments, order_id)
    payment = await authorize(payments, order_id)

    assert (payment.reference, payment.state) == (found.reference, ProviderPaymentState.AUTHORIZED)


async def test_a_timeout_before_the_effect_leaves_nothing_and_a_later_try_succeeds(
    payments: StripePayments,
    impatient_payments: StripePayments,
    payment_simulator: SimulatorProcess,
    order_id: str,
) -> None:
    with pytest.raises(ProviderUnavailable) as unavailable:
        await authorize(impatient_payments, order_id, "pm_waybill_timeoutBefore")
    assert unavailable.value.reason == "timeout"
    assert (await find(payments, order_id)).state is ProviderPaymentState.CREATED
    assert await payment_simulator.effects(order_id) == {}

    payment = await authorize(payments, order_id, "pm_waybill_timeoutBefore")

    assert payment.state is ProviderPaymentState.AUTHORIZED
    assert await payment_simulator.effects(order_id) == {"authorized": (1, 1000)}


async def test_a_timeout_after_the_effect_is_found_and_a_later_try_charges_nothing_more(
    payments: StripePayments,
    impatient_payments: StripePayments,
    payment_simulator: SimulatorProcess,
    order_id: str,
) -> None:
    with pytest.raises(ProviderUnavailable) as unavailable:
        await authorize(impatient_payments, order_id, "pm_waybill_timeoutAfter")
    assert unavailable.value.reason == "timeout"

    found = await find(payments, order_id)
    again = await authorize(payments, order_id, "pm_waybill_timeoutAfter")

    assert found.state is ProviderPaymentState.AUTHORIZED
    assert again == found
    assert await payment_simulator.effects(order_id) == {"authorized": (1, 1000)}


async def test_a_payment_of_unknown_outcome_can_be_voided(
    payments: StripePayments,
    impatient_payments: StripePayments,
    payment_simulator: SimulatorProcess,
    order_id: str,
) -> None:
    with pytest.raises(ProviderUnavailable):
        await authorize(impatient_payments, order_id, "pm_waybill_timeoutAfter")

    assert (await void(payments, order_id)).state is ProviderPaymentState.VOIDED
    assert await payment_simulator.effects(order_id) == {
        "authorized": (1, 1000),
        "voided": (1, 1000),
    }


async def test_an_authorize_that_arrives_after_the_void_holds_nothing(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    assert (await void(payments, order_id)).state is ProviderPaymentState.VOIDED

    assert (await authorize(payments, order_id)).state is ProviderPaymentState.VOIDED
    assert await payment_simulator.effects(order_id) == {"voided": (1, 0)}


async def test_a_concurrent_authorization_and_void_leave_no_hold(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    async def voided() -> ProviderPayment:
        while True:
            with suppress(ProviderUnavailable):
                return await void(payments, order_id)

    with payment_simulator.control(latency_ms=20):
        await asyncio.gather(authorize(payments, order_id), voided(), return_exceptions=True)

    assert (await find(payments, order_id)).state is ProviderPaymentState.VOIDED
    effects = await payment_simulator.effects(order_id)
    held = effects.get("authorized", (0, 0))
    assert effects["voided"] == (1, held[1])


async def test_a_provider_that_is_down_is_unavailable_and_can_be_voided(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    for _ in range(2):
        with pytest.raises(ProviderUnavailable) as unavailable:
            await authorize(payments, order_id, "pm_waybill_unavailable")
        assert unavailable.value.reason == "api_unavailable"

    assert (await void(payments, order_id)).state is ProviderPaymentState.VOIDED
    assert await payment_simulator.effects(order_id) == {"voided": (1, 0)}


async def test_a_provider_that_does_not_run_is_unavailable(unused_tcp_port: int) -> None:
    payments = StripePayments("key", f"http://127.0.0.1:{unused_tcp_port}")

    with pytest.raises(ProviderUnavailable) as unavailable:
        await payments.get(reference="pi_1")

    assert unavailable.value.reason == "connection"
    assert unavailable.value.__cause__ is None
    await payments.close()


@pytest.mark.parametrize("how", ["503", "timeout_before", "timeout_after"])
async def test_a_capture_of_unknown_outcome_is_tried_again_without_taking_more(
    payments: StripePayments,
    impatient_payments: StripePayments,
    payment_simulator: SimulatorProcess,
    order_id: str,
    how: str,
) -> None:
    reference = (await authorize(payments, order_id)).reference

    with (
        payment_simulator.control(fail_next={"operation": "capture", "how": how}),
        pytest.raises(ProviderUnavailable),
    ):
        await impatient_payments.capture(reference=reference, amount=1000, currency="EUR")
    payment = await payments.capture(reference=reference, amount=1000, currency="EUR")

    assert (payment.state, payment.captured) == (ProviderPaymentState.CAPTURED, 1000)
    assert (await payment_simulator.effects(order_id))["captured"] == (1, 1000)


@pytest.mark.parametrize("how", ["503", "timeout_before", "timeout_after"])
async def test_a_refund_of_unknown_outcome_is_tried_again_without_giving_more(
    payments: StripePayments,
    impatient_payments: StripePayments,
    payment_simulator: SimulatorProcess,
    order_id: str,
    how: str,
) -> None:
    reference = (await authorize(payments, order_id)).reference
    await payments.capture(reference=reference, amount=1000, currency="EUR")
    key = f"{order_id}/refund"

    with (
        payment_simulator.control(fail_next={"operation": "refund", "how": how}),
        pytest.raises(ProviderUnavailable),
    ):
        await impatient_payments.refund(reference=reference, amount=1000, currency="EUR", key=key)
    payment = await payments.refund(reference=reference, amount=1000, currency="EUR", key=key)

    assert payment.refunded == 1000
    assert (await payment_simulator.effects(order_id))["refunded"] == (1, 1000)


async def test_an_attempt_is_found_by_its_labels_though_no_key_of_it_is_known(
    payments: StripePayments, order_id: str
) -> None:
    first = await authorize(payments, order_id)
    await payments.authorize(
        order_id=order_id, attempt=2, amount=1000, currency="EUR", method="pm_card_visa"
    )

    assert await payments.search(order_id=order_id, attempt=1) == [first]
    assert await payments.search(order_id=order_id, attempt=3) == []


async def test_a_search_shows_refunds_too(payments: StripePayments, order_id: str) -> None:
    reference = (await authorize(payments, order_id)).reference
    await payments.capture(reference=reference, amount=1000, currency="EUR")
    refunded = await payments.refund(
        reference=reference, amount=400, currency="EUR", key=f"{order_id}/refund"
    )

    assert await payments.search(order_id=order_id, attempt=1) == [refunded]
    assert refunded.refunded == 400
