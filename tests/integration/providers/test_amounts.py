"""Amounts reach the provider as it counts them, and the simulator refuses what Stripe refuses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import uuid4

import httpx
import pytest

from kit.local_http import local_client
from providers.errors import ProviderRefused
from providers.payments import ProviderPaymentState
from providers.stripe_payments import StripePayments
from tests.support.simulators import API_KEY, SimulatorProcess

INTENTS = "/v1/payment_intents"
VISA = "pm_card_visa"


async def authorized(
    payments: StripePayments, order_id: str, amount: int, currency: str
) -> tuple[str, ProviderPaymentState, int]:
    held = await payments.authorize(
        order_id=order_id, attempt=1, amount=amount, currency=currency, method=VISA
    )
    return held.reference, held.state, held.amount


@pytest.mark.parametrize(
    "case",  # the currency, the amount and the refund here, and both as Stripe counts them
    [
        ("ISK", 1_000, 400, 100_000, 40_000),
        ("UGX", 1_000, 400, 100_000, 40_000),
        ("MGA", 100_000, 40_000, 1_000, 400),
        ("JPY", 1_000, 400, 1_000, 400),
        ("HUF", 100_045, 20, 100_045, 20),
        ("TWD", 80_045, 45, 80_045, 45),
        *((currency, 5_120, 120, 5_120, 120) for currency in ("BHD", "JOD", "KWD", "OMR", "TND")),
    ],
)
async def test_every_call_and_every_answer_is_converted(
    payments: StripePayments,
    payment_simulator: SimulatorProcess,
    order_id: str,
    case: tuple[str, int, int, int, int],
) -> None:
    currency, amount, refund, counted, counted_refund = case
    reference, state, held = await authorized(payments, order_id, amount, currency)
    assert (state, held) == (ProviderPaymentState.AUTHORIZED, amount)

    captured = await payments.capture(reference=reference, amount=amount, currency=currency)
    again = await payments.capture(reference=reference, amount=amount, currency=currency)
    assert (captured.captured, again.captured) == (amount, amount)
    back = await payments.refund(
        reference=reference, amount=refund, currency=currency, key=f"{order_id}/refund"
    )
    await payment_simulator.happen("disputes", order_id=order_id)
    [dispute] = await payments.disputes(reference=reference)
    assert (dispute.amount, dispute.currency) == (amount, currency)
    [found] = await payments.search(order_id=order_id, attempt=1)
    assert (back.refunded, found.refunded, found.captured) == (refund, refund, amount)
    assert await payment_simulator.effects(order_id) == {
        "authorized": (1, counted),
        "captured": (1, counted),
        "refunded": (1, counted_refund),
        "dispute_needs_response": (1, counted),
    }


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (5_124, "KWD", "amount_not_representable"),
        (100_020, "MGA", "amount_not_representable"),
        (1_000, "IQD", "currency_not_supported"),
        (49, "EUR", "amount_too_small"),
        (100_000_000, "EUR", "amount_too_large"),
    ],
)
async def test_an_amount_that_cannot_be_charged_is_refused_and_leaves_no_payment(
    payments: StripePayments, order_id: str, amount: int, currency: str, code: str
) -> None:
    with pytest.raises(ProviderRefused) as refused:
        await authorized(payments, order_id, amount, currency)
    assert (refused.value.code, refused.value.status) == (code, 400)
    assert await payments.search(order_id=order_id, attempt=1) == []


async def post(http: httpx.AsyncClient, path: str, **form: object) -> dict[str, Any]:
    answer = await http.post(path, data={name: str(value) for name, value in form.items()})
    found: dict[str, Any] = answer.json()
    return found | {"http_status": answer.status_code}


async def create(http: httpx.AsyncClient, amount: int, currency: str) -> dict[str, Any]:
    form = {"amount": amount, "currency": currency, "capture_method": "manual"}
    return await post(http, INTENTS, **form, **{"metadata[order_id]": f"order-{uuid4()}"})


async def refusal(http: httpx.AsyncClient, amount: int, currency: str) -> Mapping[str, str]:
    answer = await create(http, amount, currency)
    assert answer["http_status"] == 400
    assert answer["error"]["type"] == "invalid_request_error"
    error: Mapping[str, str] = answer["error"]
    return error


NO_FRACTION = "invalid_charge_amount_no_decimal_compatible"


@pytest.mark.parametrize(
    ("amount", "currency", "code", "message"),
    [
        (49, "usd", "amount_too_small", "Amount must be at least 0.50 USD"),
        (10**8, "usd", "amount_too_large", "Amount must be no more than 999999.99 USD"),
        (1_050, "isk", NO_FRACTION, "Invalid amount. Currency ISK has become effectively"),
        (1_050, "ugx", NO_FRACTION, "Invalid amount. Currency UGX has become effectively"),
        (5_124, "kwd", None, "Invalid amount: the last digit of an amount in KWD must be 0."),
    ],
)
async def test_the_simulator_refuses_an_amount_with_stripes_code(
    stripe_http: httpx.AsyncClient, amount: int, currency: str, code: str | None, message: str
) -> None:
    error = await refusal(stripe_http, amount, currency)
    assert (error.get("code"), error["param"]) == (code, "amount")
    assert error["message"].startswith(message)


@pytest.mark.parametrize("currency", ["iqd", "xyz", "euro"])
async def test_the_simulator_refuses_an_unknown_currency(
    stripe_http: httpx.AsyncClient, currency: str
) -> None:
    error = await refusal(stripe_http, 1_000, currency)
    assert ("code" in error, error["param"]) == (False, "currency")
    assert error["message"].startswith(f"Invalid currency: {currency}. Stripe currently supports")


@pytest.mark.parametrize(
    ("amount", "currency", "digit"), [(1_000, "kwd", 5), (1_000, "isk", 50), (1_000, "ugx", 50)]
)
async def test_the_simulator_checks_the_digits_of_captures_and_refunds_too(
    stripe_http: httpx.AsyncClient, amount: int, currency: str, digit: int
) -> None:
    reference = (await create(stripe_http, amount, currency))["id"]
    await post(stripe_http, f"{INTENTS}/{reference}/confirm", payment_method=VISA)
    path = f"{INTENTS}/{reference}/capture"

    refused = await post(stripe_http, path, amount_to_capture=amount - digit)
    assert (refused["http_status"], refused["error"]["param"]) == (400, "amount_to_capture")
    assert (await post(stripe_http, path))["status"] == "succeeded"
    refused = await post(stripe_http, "/v1/refunds", payment_intent=reference, amount=digit)
    assert (refused["http_status"], refused["error"]["param"]) == (400, "amount")


@pytest.fixture
async def account_http(
    own_payment_simulator: SimulatorProcess,
) -> AsyncIterator[httpx.AsyncClient]:
    """Return bare HTTP to a simulator whose account settles in euros alone."""
    headers = {"Authorization": f"Bearer {API_KEY}"}
    account = {"settles_in": "EUR", "rates": {"JPY": "0.006", "KWD": "3"}, "minimums": {"EUR": 50}}
    with own_payment_simulator.running():
        await own_payment_simulator.ready()
        async with local_client(base_url=own_payment_simulator.url, headers=headers) as http:
            (await http.put("/account", json=account)).raise_for_status()
            yield http


async def test_the_minimum_is_that_of_the_currency_that_the_account_settles_in(
    account_http: httpx.AsyncClient,
) -> None:
    error = await refusal(account_http, 83, "jpy")
    assert (error["code"], error["message"]) == (
        "amount_too_small",
        "Amount must convert to at least 0.50 EUR. 83 JPY converts to approximately 0.49 EUR.",
    )
    assert (await create(account_http, 84, "jpy"))["status"] == "requires_payment_method"
    assert (await create(account_http, 170, "kwd"))["status"] == "requires_payment_method"
    assert (await refusal(account_http, 160, "kwd"))["code"] == "amount_too_small"

    (await account_http.delete("/account")).raise_for_status()
    assert (await create(account_http, 50, "jpy"))["status"] == "requires_payment_method"
