"""`placeOrder` accepts the totals that the provider takes, and a total of 0 without a payment."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from domain.ids import order_id_for
from domain.provider_notifications import ShipmentNotificationKind
from settings import Settings
from tests.support.api_client import Api, Json, Viewer
from tests.support.api_inputs import UNCOLLECTED_ADDRESS, an_order, line

ZERO = {"amount": 0, "currency": "EUR"}


@pytest.fixture(scope="module")
def settings(settings: Settings) -> Settings:
    rules = {
        "discount_codes": "ALL=100",
        "payment_minimums": "SEK=5000",
        "payment_maximums": "SEK=6000",
    }
    return Settings.model_validate(settings.model_dump() | rules)


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


async def priced(api: Api, amount: int, currency: str) -> list[Json]:
    """List a product at this price; return the line of one piece."""
    sku = f"sku-{uuid4().hex[:12]}"
    await api.log.list_product(sku, price=amount, currency=currency)
    await api.log.receive(sku, 5)
    return [line(sku)]


async def refused(viewer: Viewer, **changes: object) -> tuple[str, str]:
    """Return code and field of the only error of this order, after which nothing is recorded."""
    order = an_order(**changes)
    payload = await viewer.run("PlaceOrder", input=order)
    assert (payload["order"], payload["position"]) == (None, None)
    assert viewer.api.temporal.workflow_ids == []
    assert await viewer.api.events_of(order_id_for(viewer.sub, order["idempotencyKey"])) == []
    [error] = payload["userErrors"]
    return error["code"], ".".join(error["field"])


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (49, "EUR", "AMOUNT_TOO_SMALL"),
        (49, "JPY", "AMOUNT_TOO_SMALL"),
        (17_499, "HUF", "AMOUNT_TOO_SMALL"),
        (4_999, "SEK", "AMOUNT_TOO_SMALL"),
        (6_001, "SEK", "AMOUNT_TOO_LARGE"),
        (100_000_000, "EUR", "AMOUNT_TOO_LARGE"),
        (1_000_000, "ISK", "AMOUNT_TOO_LARGE"),
        (100_020, "MGA", "AMOUNT_NOT_REPRESENTABLE"),
        *((5_124, currency, "AMOUNT_NOT_REPRESENTABLE") for currency in ("BHD", "JOD", "KWD")),
        *((5_121, currency, "AMOUNT_NOT_REPRESENTABLE") for currency in ("OMR", "TND")),
        (1_000, "IQD", "CURRENCY_NOT_SUPPORTED"),
        (1_000, "XXX", "CURRENCY_NOT_SUPPORTED"),
    ],
)
async def test_a_total_that_the_provider_does_not_take_is_refused(
    api: Api, ada: Viewer, amount: int, currency: str, code: str
) -> None:
    assert await refused(ada, lines=await priced(api, amount, currency)) == (code, "input.lines")


@pytest.mark.parametrize(
    ("amount", "currency", "charged"),
    [
        (50, "EUR", 50),
        (99_999_999, "EUR", 99_999_999),
        (1_000, "ISK", 100_000),
        (1_000, "UGX", 100_000),
        (100_000, "MGA", 1_000),
        (50, "JPY", 50),
        (17_500, "HUF", 17_500),
        (1_045, "TWD", 1_045),
        (5_120, "KWD", 5_120),
        (5_000, "SEK", 5_000),
    ],
)
async def test_the_provider_gets_the_amount_as_it_counts_it(
    api: Api, ada: Viewer, amount: int, currency: str, charged: int
) -> None:
    order_id = await ada.place(
        lines=await priced(api, amount, currency), shippingAddress=UNCOLLECTED_ADDRESS
    )
    await api.sagas.until(f"payment-{order_id}", "PaymentAuthorized")

    assert await api.sagas.money(order_id) == {"authorized": (1, charged)}
    held = (await api.log.store.load_events(f"payment-{order_id}"))[-1].data["amount"]
    total = (await ada.run("Order", id=order_id))["total"]
    assert held == total == {"amount": amount, "currency": currency}


async def test_a_return_of_a_part_refunds_the_nearest_amount_that_the_provider_moves(
    api: Api, ada: Viewer
) -> None:
    [one] = await priced(api, 5_005, "KWD")
    order_id = await ada.place(lines=[one | {"quantity": 2}])
    await api.sagas.delivered(order_id)
    await api.sagas.until(f"order-{order_id}", "OrderDelivered")
    request = {"idempotencyKey": str(uuid4()), "orderId": order_id, "lines": [one]}
    assert (await ada.run("RequestReturn", input=request))["userErrors"] == []
    await api.sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    await api.sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    await api.sagas.until(f"order-{order_id}", "OrderReturned")

    assert await api.sagas.money(order_id) == {
        "authorized": (1, 10_010),
        "captured": (1, 10_010),
        "refunded": (1, 5_010),
    }
    assert (await ada.run("Order", id=order_id))["payment"]["refunded"]["amount"] == 5_010


@pytest.mark.parametrize(
    ("price", "currency", "impossible", "possible", "counted"),
    [
        (5_120, "KWD", 5, 10, 10),
        (5_120, "TND", 5_119, 5_110, 5_110),
        (100_000, "MGA", 50, 100, 1),
    ],
)
async def test_an_operator_refunds_an_amount_that_the_provider_can_move(  # noqa: PLR0913, PLR0917 - a case
    api: Api, ada: Viewer, price: int, currency: str, impossible: int, possible: int, counted: int
) -> None:
    eve = api.viewer("operator")
    order_id = await ada.place(lines=await priced(api, price, currency))
    await api.sagas.delivered(order_id)
    await api.sagas.until(f"order-{order_id}", "OrderDelivered")

    def a_refund(amount: int) -> Json:
        given = {"amount": {"amount": amount, "currency": currency}, "reason": "a scratch"}
        return {"idempotencyKey": str(uuid4()), "orderId": order_id, **given}

    refused = await eve.run("RefundOrder", input=a_refund(impossible))
    too_much = await eve.run("RefundOrder", input=a_refund(10**15))
    assert await api.events_of(order_id, "payment") == [
        *("PaymentRequested", "PaymentAuthorized", "PaymentCaptured")
    ]
    assert "OrderRefundRequested" not in await api.events_of(order_id)
    made = await eve.run("RefundOrder", input=a_refund(possible))
    await api.sagas.until(f"order-{order_id}", "OrderRefundEnded")

    errors = [payload["userErrors"][0] for payload in (refused, too_much)]
    assert [(error["code"], error["field"]) for error in errors] == [
        ("AMOUNT_NOT_REPRESENTABLE", ["input", "amount", "amount"]),
        ("REFUND_TOO_LARGE", ["input", "amount"]),
    ]
    assert made["userErrors"] == []
    assert (await api.sagas.money(order_id))["refunded"] == (1, counted)


async def test_refunds_of_all_parts_add_up_to_what_was_paid(api: Api, ada: Viewer) -> None:
    [one] = await priced(api, 5_005, "KWD")
    order_id = await ada.place(lines=[one | {"quantity": 2}])
    await api.sagas.delivered(order_id)
    await api.sagas.until(f"order-{order_id}", "OrderDelivered")
    order = {"orderId": order_id, "lines": [one]}
    refund = order | {"idempotencyKey": str(uuid4()), "reason": "a scratch"}
    assert (await api.viewer("operator").run("RefundOrder", input=refund))["userErrors"] == []
    await api.sagas.until(f"order-{order_id}", "OrderRefundEnded")

    request = {"orderId": order_id, "idempotencyKey": str(uuid4())}
    assert (await ada.run("RequestReturn", input=request))["userErrors"] == []
    await api.sagas.until(f"shipment-{order_id}", "ShipmentReturnRequested")
    await api.sagas.notify(order_id, ShipmentNotificationKind.RETURNED)
    await api.sagas.until(f"order-{order_id}", "OrderReturned")

    payment = await api.log.store.load_events(f"payment-{order_id}")
    refunds = [each.data["amount"]["amount"] for each in payment if "Refunded" in each.type]
    assert refunds == [5_010, 5_000]
    assert (await api.sagas.money(order_id))["refunded"] == (2, 10_010)
    assert await api.sagas.events(f"saga-{order_id}") == []
    ended = await api.log.store.load_events(f"order-{order_id}")
    given = [each.data["refunded"]["amount"] for each in ended if "refunded" in each.data]
    assert given == [5_010, 5_000]


async def test_something_to_pay_needs_a_payment_method(ada: Viewer) -> None:
    assert await refused(ada, paymentMethod=None) == (
        "PAYMENT_METHOD_REQUIRED",
        "input.paymentMethod",
    )


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({}, "ZERO_TOTAL", "input.expectedTotal"),
        ({"paymentMethod": None}, "ZERO_TOTAL", "input.expectedTotal"),
        (
            {"expectedTotal": ZERO | {"amount": 500}},
            "PRICE_CHANGED",
            "input.expectedTotal.amount",
        ),
        (
            {"expectedTotal": ZERO | {"currency": "GBP"}},
            "CURRENCY_MISMATCH",
            "input.expectedTotal.currency",
        ),
    ],
)
async def test_a_total_of_0_needs_an_expected_total_of_0(
    ada: Viewer, changes: Json, code: str, field: str
) -> None:
    assert await refused(ada, discountCode="ALL", **changes) == (code, field)


async def test_a_total_that_is_no_longer_0_is_refused(ada: Viewer) -> None:
    assert await refused(ada, expectedTotal=ZERO, paymentMethod=None) == (
        "PRICE_CHANGED",
        "input.expectedTotal.amount",
    )


@pytest.fixture
async def free_order(api: Api, ada: Viewer) -> AsyncIterator[str]:
    """Yield a free order whose parcel the carrier does not collect."""
    order_id = await ada.place(
        discountCode="ALL",
        expectedTotal=ZERO,
        paymentMethod=None,
        shippingAddress=UNCOLLECTED_ADDRESS,
    )
    await api.sagas.until(f"shipment-{order_id}", "ShipmentCreated")
    yield order_id
    assert await api.sagas.events(f"payment-{order_id}") == []
    assert await api.sagas.money(order_id) == {}


async def test_a_free_order_goes_the_whole_way_without_a_payment(
    api: Api, ada: Viewer, free_order: str
) -> None:
    shown = await ada.run("Order", id=free_order)
    assert (shown["status"], shown["payment"]) == ("CONFIRMED", None)
    assert shown["total"] == ZERO
    await api.sagas.deliver(free_order)
    await api.sagas.until(f"order-{free_order}", "OrderDelivered")

    assert (await ada.run("Order", id=free_order))["status"] == "DELIVERED"


async def test_a_payment_method_of_a_free_order_is_not_kept(api: Api, ada: Viewer) -> None:
    currency = {"amount": 0, "currency": "IQD"}
    order_id = await ada.place(
        lines=await priced(api, 0, "IQD"),
        expectedTotal=currency,
        shippingAddress=UNCOLLECTED_ADDRESS,
    )
    await api.sagas.until(f"order-{order_id}", "OrderConfirmed")

    created = (await api.log.store.load_events(f"order-{order_id}"))[0]
    assert created.data["payment_method"] is None
    assert await api.sagas.events(f"payment-{order_id}") == []


async def test_a_free_order_accepts_no_other_payment_method(ada: Viewer, free_order: str) -> None:
    retry = {"idempotencyKey": str(uuid4()), "orderId": free_order, "paymentMethod": "pm_card_visa"}
    payload = await ada.run("RetryPayment", input=retry)
    assert [error["code"] for error in payload["userErrors"]] == ["PAYMENT_NOT_RETRYABLE"]


async def test_a_free_order_is_cancelled_by_its_customer(
    api: Api, ada: Viewer, free_order: str
) -> None:
    cancel = {"idempotencyKey": str(uuid4()), "orderId": free_order}
    assert (await ada.run("CancelOrder", input=cancel))["userErrors"] == []
    await api.sagas.until(f"order-{free_order}", "OrderCancelled")


async def test_staff_read_that_no_payment_is_needed(api: Api, free_order: str) -> None:
    eve = api.viewer("operator")
    explanation = await eve.run("Explain", orderId=free_order)
    money = explanation["money"]
    assert (money["total"]["amount"], money["attempts"]) == (0, [])
    texts = [entry["text"] for entry in explanation["timeline"]]
    assert "There is nothing to pay: no payment is needed." in texts
    assert "The payment is authorized." not in texts
    described = {
        step["name"]: step["description"]
        for step in (await eve.run("Saga", orderId=free_order))["steps"]
    }
    assert described["authorize"] == "Confirm the order. Its total is 0: no payment is needed."
