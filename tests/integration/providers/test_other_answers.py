"""Handle answers without the requested content, and unexpected answers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from domain.shipping.tracking import TrackingInfo
from providers.carrier import CarrierShipment, CarrierShipmentStatus
from providers.errors import NotPermitted, ProviderRefused, ProviderUnavailable
from providers.http_carrier import HttpCarrier
from providers.payments import ProviderDisputeState, ProviderPayment, ProviderPaymentState
from providers.stripe_payments import StripePayments
from tests.support.scripted import answering

INTENT = "/v1/payment_intents/pi_1"
SHIPMENTS = "/v1/shipments"
TELLS_NOTHING = pytest.mark.parametrize("status", [401, 403, 408, 425, 429, 500, 503])

Answers = Mapping[str, tuple[int, object]]


def refusal(code: str) -> dict[str, object]:
    return {"error": {"code": code, "type": "invalid_request_error", "message": "No."}}


def intent(status: str) -> dict[str, object]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "status": status,
        "amount": 1000,
        "amount_received": 0,
        "currency": "eur",
        "latest_charge": None,
        "last_payment_error": None,
        "next_action": None,
    }


@asynccontextmanager
async def stripe(answers: Answers) -> AsyncIterator[StripePayments]:
    async with answering(answers) as url:
        payments = StripePayments("sk_test", url)
        yield payments
        await payments.close()


@asynccontextmanager
async def carrier(answers: Answers) -> AsyncIterator[HttpCarrier]:
    async with answering(answers) as url:
        http = HttpCarrier("key", url)
        yield http
        await http.close()


async def void(payments: StripePayments) -> ProviderPayment:
    return await payments.void(
        order_id="o1", attempt=1, amount=1000, currency="EUR", reference="pi_1"
    )


def confirming(error: dict[str, str]) -> Answers:
    return {
        "POST /v1/payment_intents": (200, intent("requires_payment_method")),
        f"POST {INTENT}/confirm": (400, {"error": {"type": "invalid_request_error", **error}}),
        f"GET {INTENT}": (200, intent("requires_payment_method")),
    }


async def authorize(payments: StripePayments) -> ProviderPayment:
    return await payments.authorize(
        order_id="o1", attempt=1, amount=1000, currency="EUR", method="pm_1"
    )


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ({"code": "resource_missing", "param": "payment_method"}, "resource_missing"),
        ({"code": "payment_method_unexpected_state"}, "payment_method_unexpected_state"),
        (
            {"code": "payment_intent_incompatible_payment_method"},
            "payment_intent_incompatible_payment_method",
        ),
        ({"message": "The provided PaymentMethod was previously used."}, "payment_method_refused"),
    ],
)
async def test_a_method_that_the_provider_refuses_is_a_decline_with_the_refusals_code(
    error: dict[str, str], code: str
) -> None:
    async with stripe(confirming(error)) as payments:
        payment = await authorize(payments)

    assert (payment.state, payment.decline_code) == (ProviderPaymentState.DECLINED, code)


@pytest.mark.parametrize(
    "error",
    [
        {"code": "amount_too_small", "param": "amount"},
        {"code": "url_invalid", "param": "return_url"},
        {"code": "resource_missing", "param": "intent"},
        {"message": "Something else."},
    ],
)
async def test_a_refusal_that_is_not_about_the_method_is_no_decline(error: dict[str, str]) -> None:
    async with stripe(confirming(error)) as payments:
        with pytest.raises(ProviderRefused):
            await authorize(payments)


@TELLS_NOTHING
async def test_an_unread_payment_is_not_refused(status: int) -> None:
    async with stripe({f"GET {INTENT}": (status, refusal("some_code"))}) as payments:
        with pytest.raises(ProviderUnavailable) as unavailable:
            await payments.get(reference="pi_1")

    assert unavailable.value.reason == "some_code"


@TELLS_NOTHING
async def test_an_unread_shipment_is_not_refused(status: int) -> None:
    async with carrier({f"GET {SHIPMENTS}": (status, refusal("some_code"))}) as http:
        with pytest.raises(ProviderUnavailable) as unavailable:
            await http.find(order_id="o1")

    assert unavailable.value.reason == "some_code"


async def test_a_payment_that_is_being_processed_is_voided_later() -> None:
    answers = {
        f"POST {INTENT}/cancel": (400, refusal("payment_intent_unexpected_state")),
        f"GET {INTENT}": (200, intent("processing")),
    }
    async with stripe(answers) as payments:
        with pytest.raises(ProviderUnavailable) as unavailable:
            await void(payments)

    assert unavailable.value.reason == "processing"


async def test_a_payment_that_can_not_be_voided_for_good_is_refused() -> None:
    answers = {
        f"POST {INTENT}/cancel": (400, refusal("payment_intent_unexpected_state")),
        f"GET {INTENT}": (200, intent("succeeded")),
    }
    async with stripe(answers) as payments:
        with pytest.raises(ProviderRefused) as refused:
            await void(payments)

    assert refused.value.code == "payment_intent_unexpected_state"


async def test_a_payment_in_an_unknown_state_is_read_again() -> None:
    async with stripe({f"GET {INTENT}": (200, intent("in_review"))}) as payments:
        with pytest.raises(ProviderUnavailable) as unavailable:
            await payments.get(reference="pi_1")

    assert unavailable.value.reason == "unknown_status"
    assert "'in_review'" in str(unavailable.value)


def dispute(reference: str, status: str, amount: int = 500) -> dict[str, object]:
    return {
        "id": f"dp_of_{reference}",
        "object": "dispute",
        "amount": amount,
        "currency": "kwd",
        "payment_intent": reference,
        "reason": "fraudulent",
        "status": status,
    }


@pytest.mark.parametrize(
    "unreadable", [dispute("pi_1", "escalated"), dispute("pi_1", "lost", amount=5_124)]
)
async def test_a_dispute_that_cannot_be_read_hides_no_other(unreadable: dict[str, object]) -> None:
    listed = {"object": "list", "url": "/v1/disputes", "has_more": False}
    data = [unreadable, dispute("pi_2", "lost")]
    async with stripe({"GET /v1/disputes": (200, {**listed, "data": data})}) as payments:
        found = await payments.new_disputes(since=datetime.now(UTC))
        with pytest.raises(ProviderUnavailable):
            await payments.disputes(reference="pi_1")

    assert [(each.reference, each.state) for each in found] == [("pi_2", ProviderDisputeState.LOST)]


async def test_a_key_without_the_right_to_read_disputes_is_told_from_an_outage() -> None:
    async with stripe({"GET /v1/disputes": (403, refusal("more_permissions_required"))}) as one:
        with pytest.raises(NotPermitted) as denied:
            await one.disputes(reference="pi_1")
    assert not denied.value.is_outage


async def test_a_shipment_in_an_unknown_state_is_read_again() -> None:
    shipment = {"id": "shp_1", "reference": "o1", "status": "in_customs"}
    async with carrier({f"GET {SHIPMENTS}": (200, {"data": [shipment]})}) as http:
        with pytest.raises(ProviderUnavailable) as unavailable:
            await http.find(order_id="o1")

    assert unavailable.value.reason == "unknown_status"
    assert "'in_customs'" in str(unavailable.value)


def a_shipment(**more: object) -> Answers:
    found = {"id": "shp_1", "reference": "o1", "status": "dispatched", **more}
    return {f"GET {SHIPMENTS}": (200, {"data": [found]})}


@pytest.mark.parametrize(
    ("more", "tracking"),
    [
        ({}, None),
        ({"tracking_number": None, "carrier": "Post"}, None),
        ({"tracking_number": "T-1"}, TrackingInfo(number="T-1")),
        (
            {"tracking_number": "T-1", "carrier": "Post", "tracking_url": "https://p.example/T-1"},
            TrackingInfo(number="T-1", carrier="Post", url="https://p.example/T-1"),
        ),
    ],
)
async def test_a_shipment_has_tracking_once_it_has_a_number(
    more: dict[str, object], tracking: TrackingInfo | None
) -> None:
    async with carrier(a_shipment(**more)) as http:
        found = await http.find(order_id="o1")

    assert found == CarrierShipment("shp_1", "o1", CarrierShipmentStatus.DISPATCHED, tracking)


@pytest.mark.parametrize(
    ("field", "text", "left"),
    [
        ("tracking_number", "T-1\nT-2", None),
        ("tracking_number", "", None),
        ("tracking_number", 17, None),
        ("carrier", "P" * 101, TrackingInfo(number="T-1", url="https://p.example/T-1")),
        ("tracking_url", "http://p.example/T-1", TrackingInfo(number="T-1", carrier="Post")),
        ("tracking_url", "javascript:alert(1)", TrackingInfo(number="T-1", carrier="Post")),
    ],
)
async def test_an_unusable_text_is_left_out_and_the_status_counts(
    field: str, text: object, left: TrackingInfo | None, caplog: pytest.LogCaptureFixture
) -> None:
    usable = {
        "tracking_number": "T-1",
        "carrier": "Post",
        "tracking_url": "https://p.example/T-1",
    }
    async with carrier(a_shipment(**usable | {field: text})) as http:
        found = await http.find(order_id="o1")

    assert found == CarrierShipment("shp_1", "o1", CarrierShipmentStatus.DISPATCHED, left)
    assert caplog.messages == [f"the carrier's {field} is unusable and left out"]


async def test_a_shipment_with_an_unusable_id_is_read_again() -> None:
    async with carrier(a_shipment(id="shp\n1")) as http:
        with pytest.raises(ProviderUnavailable) as unavailable:
            await http.find(order_id="o1")

    assert unavailable.value.reason == "unreadable_answer"


async def test_an_unreadable_shipment_is_read_again() -> None:
    async with carrier({f"GET {SHIPMENTS}": (200, {"data": [{"id": "shp_1"}]})}) as http:
        with pytest.raises(ProviderUnavailable) as unavailable:
            await http.find(order_id="o1")

    assert unavailable.value.reason == "unreadable_answer"
