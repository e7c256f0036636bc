"""An answer that the provider itself cannot have given proves nothing: the call is made again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import pytest

from providers.carrier import ShipmentAddress, ShipmentItem
from providers.errors import (
    CreationDenied,
    NotPermitted,
    ProviderRefused,
    ProviderUnavailable,
)
from providers.stripe_payments import StripePayments
from tests.integration.providers.test_other_answers import (
    INTENT,
    SHIPMENTS,
    Answers,
    authorize,
    carrier,
    intent,
    refusal,
    stripe,
)
from tests.support.scripted import answering

CREATE: Final = "POST /v1/payment_intents"
CONFIRM: Final = f"POST {INTENT}/confirm"
PAGE: Final = b"<html><title>Blocked</title></html>"
OF_A_PROXY = pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 407, 413, 451, 502])
UNREADABLE = pytest.mark.parametrize(
    "body", [PAGE, b"", b"{", b"\xff", [], None, "ok", 5, {}, {"id": None}, {"object": "list"}]
)


def created() -> dict[str, tuple[int, object]]:
    return {CREATE: (200, intent("requires_payment_method"))}


async def fails(answers: Answers) -> ProviderUnavailable:
    """Return the error of an authorization that meets these answers."""
    async with stripe(answers) as payments:
        with pytest.raises(ProviderUnavailable) as unavailable:
            await authorize(payments)
    return unavailable.value


# The answer of a proxy.


@OF_A_PROXY
@pytest.mark.parametrize("body", [PAGE, {}, {"error": "blocked"}, {"message": "blocked"}])
async def test_the_page_of_a_proxy_does_not_refuse_to_create_a_payment(
    status: int, body: object
) -> None:
    error = await fails({CREATE: (status, body)})

    assert not isinstance(error, CreationDenied | NotPermitted)
    assert error.is_outage is (status == 502)


@OF_A_PROXY
async def test_the_page_of_a_proxy_does_not_refuse_a_confirmation(status: int) -> None:
    error = await fails({**created(), CONFIRM: (status, PAGE), f"GET {INTENT}": (status, PAGE)})

    assert error.reason == f"http_{status}"


@OF_A_PROXY
async def test_the_page_of_a_proxy_does_not_prove_that_there_is_nothing_to_void(
    status: int,
) -> None:
    async with stripe({CREATE: (status, PAGE)}) as payments:
        with pytest.raises(ProviderUnavailable):
            await payments.void(order_id="o1", attempt=1, amount=1000, currency="EUR")


async def capture(payments: StripePayments) -> None:
    await payments.capture(reference="pi_1", amount=1000, currency="EUR")


async def refund(payments: StripePayments) -> None:
    await payments.refund(reference="pi_1", amount=1000, currency="EUR", key="k")


@OF_A_PROXY
@pytest.mark.parametrize("call", [capture, refund])
async def test_the_page_of_a_proxy_refuses_neither_a_capture_nor_a_refund(
    status: int, call: Callable[[StripePayments], Awaitable[None]]
) -> None:
    refunds: Answers = {f"{method} /v1/refunds": (status, PAGE) for method in ("GET", "POST")}
    async with stripe({f"POST {INTENT}/capture": (status, PAGE), **refunds}) as payments:
        with pytest.raises(ProviderUnavailable) as unavailable:
            await call(payments)

    assert unavailable.value.reason == f"http_{status}"


@OF_A_PROXY
async def test_the_page_of_a_proxy_does_not_refuse_a_shipment(status: int) -> None:
    address = ShipmentAddress("Ada", "1 Street", "Berlin", "10115", "DE")
    async with carrier({f"POST {SHIPMENTS}": (status, PAGE)}) as http:
        with pytest.raises(ProviderUnavailable) as unavailable:
            await http.create_shipment(
                order_id="o1", address=address, items=[ShipmentItem("mug", 1)]
            )

    assert unavailable.value.reason == f"http_{status}"


# An answer without its facts.


@UNREADABLE
async def test_a_creation_whose_answer_cannot_be_read_is_tried_again(body: object) -> None:
    error = await fails({CREATE: (200, body)})

    assert not error.is_outage


@UNREADABLE
async def test_a_confirmation_whose_answer_cannot_be_read_is_tried_again(body: object) -> None:
    await fails({**created(), CONFIRM: (200, body)})


@UNREADABLE
async def test_an_error_whose_body_cannot_be_read_is_no_refusal(body: object) -> None:
    await fails({CREATE: (400, body)})
    await fails({CREATE: (400, {"error": body})})


# What Stripe says about the moment.


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "lock_timeout"), (429, "rate_limit"), (400, "rate_limit"), (409, "in_use")],
)
@pytest.mark.parametrize("line", [CREATE, CONFIRM])
async def test_a_busy_provider_refuses_nothing(line: str, status: int, code: str) -> None:
    error = await fails({**created(), line: (status, refusal(code))})

    assert (error.reason, error.is_outage) == (code, False)


async def test_a_server_that_speaks_no_tls_is_an_outage() -> None:
    async with answering({}) as url:
        payments = StripePayments("sk_test", url.replace("http://", "https://"))
        with pytest.raises(ProviderUnavailable) as unavailable:
            await authorize(payments)
        await payments.close()

    assert unavailable.value.is_outage


async def test_a_refusal_of_stripe_itself_is_one() -> None:
    async with stripe({CREATE: (400, refusal("amount_too_small"))}) as payments:
        with pytest.raises(ProviderRefused) as refused:
            await authorize(payments)

    assert refused.value.code == "amount_too_small"
