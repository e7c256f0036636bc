"""A customer approves a payment with 3-D Secure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from kit.local_http import local_client
from providers.payments import ProviderPayment, ProviderPaymentState
from providers.stripe_payments import StripePayments
from tests.support.simulators import API_KEY, RETURN_URL

if TYPE_CHECKING:
    from tests.support.simulators import SimulatorProcess


async def pending(payments: StripePayments, order_id: str) -> ProviderPayment:
    return await payments.authorize(
        order_id=order_id,
        attempt=1,
        amount=1000,
        currency="EUR",
        method="pm_card_authenticationRequired",
    )


async def choose(url: str | None, outcome: str) -> None:
    async with local_client() as browser:
        assert "10.00 EUR" in (await browser.get(str(url))).text
        assert (await browser.post(str(url), data={"outcome": outcome})).status_code == 200


async def test_a_payment_that_needs_the_customer_holds_nothing_yet(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    payment = await pending(payments, order_id)

    url = f"{payment_simulator.url}/authenticate/{payment.reference}"
    assert (payment.state, payment.action_url) == (ProviderPaymentState.PENDING, url)
    assert await payment_simulator.effects(order_id) == {}


async def test_a_customer_who_approves_authorizes_the_payment(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    await choose((await pending(payments, order_id)).action_url, "approve")

    # The same call as before is answered with the current state, not the earlier one.
    payment = await pending(payments, order_id)
    assert (payment.state, payment.action_url) == (ProviderPaymentState.AUTHORIZED, None)
    assert await payment_simulator.effects(order_id) == {"authorized": (1, 1000)}


async def test_a_customer_who_fails_to_authenticate_is_declined(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    payment = await pending(payments, order_id)
    await choose(payment.action_url, "fail")

    declined = await payments.get(reference=payment.reference)
    assert declined.state is ProviderPaymentState.DECLINED
    assert declined.decline_code == "payment_intent_authentication_failure"
    assert await payment_simulator.effects(order_id) == {}


async def test_a_customer_can_not_approve_what_was_voided(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    payment = await pending(payments, order_id)
    await payments.void(order_id=order_id, attempt=1, amount=1000, currency="EUR")

    async with local_client() as browser:
        answer = await browser.post(str(payment.action_url), data={"outcome": "approve"})

    assert answer.status_code == 400
    assert (await payments.get(reference=payment.reference)).state is ProviderPaymentState.VOIDED
    assert await payment_simulator.effects(order_id) == {"voided": (1, 0)}


async def test_a_customer_without_a_return_url_is_not_redirected(
    payment_simulator: SimulatorProcess, order_id: str
) -> None:
    without = StripePayments(API_KEY, payment_simulator.url)

    payment = await pending(without, order_id)

    assert (payment.state, payment.action_url) == (ProviderPaymentState.PENDING, None)
    assert await payment_simulator.effects(order_id) == {}
    await without.close()


async def test_the_customer_returns_to_the_given_url(
    payments: StripePayments, stripe_http: httpx.AsyncClient, order_id: str
) -> None:
    reference = (await pending(payments, order_id)).reference

    answer = (await stripe_http.get(f"/v1/payment_intents/{reference}")).json()

    assert answer["next_action"]["type"] == "redirect_to_url"
    assert answer["next_action"]["redirect_to_url"]["return_url"] == RETURN_URL
