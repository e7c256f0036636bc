"""Stripe keeps a 500 under its idempotency key for a day: no payment waits that long."""

from __future__ import annotations

from typing import Final

import httpx
import pytest

from providers.errors import CreationDenied, CreationRefused, ProviderUnavailable
from providers.idempotency_keys import MAX_KEYS
from providers.payments import ProviderPayment, ProviderPaymentState
from providers.stripe_payments import StripePayments
from tests.support.simulators import SimulatorProcess

KEPT: Final = "500"
KEPT_AFTER: Final = "500_after"
HELD: Final = {"authorized": (1, 1000)}
RELEASED: Final = {**HELD, "voided": (1, 1000)}
INTENT: Final = {"amount": "1000", "currency": "eur", "capture_method": "manual"}

AUTHORIZED, CREATED, DECLINED, VOIDED = (
    ProviderPaymentState.AUTHORIZED,
    ProviderPaymentState.CREATED,
    ProviderPaymentState.DECLINED,
    ProviderPaymentState.VOIDED,
)


async def authorized(
    payments: StripePayments, order_id: str, method: str = "pm_card_visa"
) -> ProviderPayment:
    return await payments.authorize(
        order_id=order_id, attempt=1, amount=1000, currency="EUR", method=method
    )


async def found(payments: StripePayments, order_id: str) -> ProviderPayment:
    return await payments.find(order_id=order_id, attempt=1, amount=1000, currency="EUR")


async def voided(payments: StripePayments, order_id: str) -> ProviderPayment:
    return await payments.void(order_id=order_id, attempt=1, amount=1000, currency="EUR")


async def post(http: httpx.AsyncClient, order_id: str, key: str) -> httpx.Response:
    form = {**INTENT, "metadata[order_id]": order_id, "metadata[attempt]": "1"}
    return await http.post("/v1/payment_intents", data=form, headers={"Idempotency-Key": key})


async def test_the_simulator_repeats_a_kept_500_under_its_key_alone(
    stripe_http: httpx.AsyncClient, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    with payment_simulator.failing(order_id, "create", KEPT, times=1):
        answers = [
            await post(stripe_http, order_id, key)
            for key in (f"{order_id}/a", f"{order_id}/a", f"{order_id}/a", f"{order_id}/b")
        ]

    assert [answer.status_code for answer in answers] == [500, 500, 500, 200]
    assert ["idempotent-replayed" in answer.headers for answer in answers] == [
        False,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize("how", [KEPT, KEPT_AFTER])
async def test_a_kept_500_on_creation_is_passed_by_with_another_key_at_once(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str, how: str
) -> None:
    with payment_simulator.failing(order_id, "create", how, times=1):
        first = await authorized(payments, order_id)

    assert first.state is AUTHORIZED
    assert await authorized(payments, order_id) == first
    assert await found(payments, order_id) == first
    assert await payment_simulator.effects(order_id) == HELD


async def test_a_payment_is_found_behind_a_kept_500(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    with payment_simulator.failing(order_id, "create", KEPT, times=1):
        assert (await found(payments, order_id)).state is CREATED

    assert await payment_simulator.effects(order_id) == {}


async def test_a_void_behind_a_kept_500_fences_the_key_that_an_authorization_would_use(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    with payment_simulator.failing(order_id, "create", KEPT, times=1):
        assert (await voided(payments, order_id)).state is VOIDED

    assert (await authorized(payments, order_id)).state is VOIDED
    assert "authorized" not in await payment_simulator.effects(order_id)


async def test_an_attempt_without_a_usable_key_has_nothing_to_void(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    with payment_simulator.failing(order_id, "create", KEPT):
        for _ in range(MAX_KEYS):
            with pytest.raises(ProviderUnavailable):
                await authorized(payments, order_id)
        with pytest.raises(CreationRefused) as refused:
            await voided(payments, order_id)

    assert refused.value.code == "http_500"
    with pytest.raises(ProviderUnavailable) as unavailable:
        await authorized(payments, order_id)
    assert unavailable.value.reason == "http_500"
    assert await payment_simulator.effects(order_id) == {}


@pytest.mark.parametrize(
    ("method", "outcome"),
    [("pm_card_visa", (AUTHORIZED, HELD)), ("pm_card_chargeDeclined", (DECLINED, {}))],
)
async def test_a_confirmation_that_was_made_and_answered_with_a_kept_500_counts(
    payments: StripePayments,
    payment_simulator: SimulatorProcess,
    order_id: str,
    method: str,
    outcome: tuple[ProviderPaymentState, dict[str, tuple[int, int]]],
) -> None:
    with payment_simulator.failing(order_id, "confirm", KEPT_AFTER):
        first = await authorized(payments, order_id, method)
        assert await authorized(payments, order_id, method) == first

    assert (first.state, await payment_simulator.effects(order_id)) == outcome


async def test_a_payment_that_a_kept_500_left_unconfirmed_is_confirmed_under_another_key(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    with payment_simulator.failing(order_id, "confirm", KEPT, times=1):
        first = await authorized(payments, order_id)

    assert first.state is AUTHORIZED
    assert await authorized(payments, order_id) == first
    assert await payment_simulator.effects(order_id) == HELD


@pytest.mark.parametrize(("how", "effects"), [(KEPT, {"voided": (1, 0)}), (KEPT_AFTER, RELEASED)])
async def test_a_void_after_a_kept_500_on_the_confirmation_leaves_nothing_held(
    payments: StripePayments,
    payment_simulator: SimulatorProcess,
    order_id: str,
    how: str,
    effects: dict[str, tuple[int, int]],
) -> None:
    with payment_simulator.failing(order_id, "confirm", how):
        for _ in "12":
            try:
                await authorized(payments, order_id)
            except ProviderUnavailable:
                continue
        await voided(payments, order_id)

    assert (await authorized(payments, order_id)).state is VOIDED
    assert await payment_simulator.effects(order_id) == effects


async def test_a_refusal_to_create_says_that_nothing_exists(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    with payment_simulator.failing(order_id, "create", "refuse"):
        for ask in (authorized, found, voided):
            with pytest.raises(CreationRefused) as refused:
                await ask(payments, order_id)
            assert (refused.value.code, refused.value.status) == ("refused_on_request", 400)

    assert await payment_simulator.effects(order_id) == {}


async def test_a_revoked_key_creates_nothing_and_may_work_again(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    with payment_simulator.failing(order_id, "*", "401"):
        with pytest.raises(CreationDenied) as denied:
            await authorized(payments, order_id)
        assert denied.value.reason == "api_key_expired"
        assert not denied.value.is_outage

    assert (await authorized(payments, order_id)).state is AUTHORIZED


async def test_a_key_used_with_other_facts_is_no_proof_that_nothing_exists(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    await authorized(payments, order_id)

    with pytest.raises(Exception, match="idempotency_error") as refused:
        await payments.find(order_id=order_id, attempt=1, amount=999, currency="EUR")

    assert not isinstance(refused.value, CreationRefused)
    assert await payment_simulator.effects(order_id) == HELD


# Refunds.

REFUND: Final = "the_order/refund/0/0/400"


async def captured(payments: StripePayments, order_id: str) -> str:
    reference = (await authorized(payments, order_id)).reference
    await payments.capture(reference=reference, amount=1000, currency="EUR")
    return reference


async def refunded(
    payments: StripePayments, order_id: str, reference: str, key: str = REFUND
) -> ProviderPayment:
    return await payments.refund(
        reference=reference,
        amount=400,
        currency="EUR",
        key=f"{order_id}/{key}",
        purpose="refund",
    )


@pytest.mark.parametrize("how", [KEPT, KEPT_AFTER])
async def test_a_refund_is_made_once_past_a_kept_500(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str, how: str
) -> None:
    reference = await captured(payments, order_id)

    with payment_simulator.failing(order_id, "refund", how, times=1):
        first = await refunded(payments, order_id, reference)
    again = await refunded(payments, order_id, reference)

    assert (first.refunded, again.refunded) == (400, 400)
    assert (await payment_simulator.effects(order_id))["refunded"] == (1, 400)
    [refund] = await payments.refunds(reference=reference)
    assert (refund.amount, refund.purpose) == (400, "refund")


async def test_a_refund_behind_a_kept_500_is_told_from_others_of_the_same_amount(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    reference = await captured(payments, order_id)
    await payment_simulator.refund_by_hand(reference, 400)

    with payment_simulator.failing(order_id, "refund", KEPT, times=1):
        await refunded(payments, order_id, reference)

    assert (await payment_simulator.effects(order_id))["refunded"] == (2, 800)


async def test_a_refund_without_a_usable_key_is_not_made(
    payments: StripePayments, payment_simulator: SimulatorProcess, order_id: str
) -> None:
    reference = await captured(payments, order_id)

    with payment_simulator.failing(order_id, "refund", KEPT):
        for _ in range(MAX_KEYS):
            with pytest.raises(ProviderUnavailable):
                await refunded(payments, order_id, reference)

    with pytest.raises(ProviderUnavailable) as unavailable:
        await refunded(payments, order_id, reference)
    assert unavailable.value.reason == "http_500"
    assert "refunded" not in await payment_simulator.effects(order_id)
