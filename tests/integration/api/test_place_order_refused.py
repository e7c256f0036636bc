"""The orders that `placeOrder` refuses, and the fields that it names."""

from __future__ import annotations

import pytest

from domain.ids import order_id_for
from tests.support.api_client import Api, Viewer, operation
from tests.support.api_inputs import (
    ADDRESS,
    CONTACT,
    TWO_MUGS,
    an_order,
    entry,
    line,
)


@pytest.fixture
def ada(api: Api) -> Viewer:
    return api.viewer()


async def errors_of(viewer: Viewer, **changes: object) -> list[tuple[str, str]]:
    """Return code and field of each error of an order with these changes.

    Nothing may be recorded.
    """
    order = an_order(**changes)
    payload = await viewer.run("PlaceOrder", input=order)
    assert (payload["order"], payload["position"]) == (None, None)
    assert viewer.api.temporal.workflow_ids == []
    assert await viewer.api.events_of(order_id_for(viewer.sub, order["idempotencyKey"])) == []
    return [(e["code"], ".".join(e["field"])) for e in payload["userErrors"]]


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"lines": []}, "EMPTY_ORDER", "input.lines"),
        ({"lines": [line(f"s{i}") for i in range(101)]}, "TOO_MANY_LINES", "input.lines"),
        ({"lines": [line("mug", 0)]}, "INVALID_QUANTITY", "input.lines.0.quantity"),
        (
            {"lines": [line("pot"), line("mug", 1001)]},
            "INVALID_QUANTITY",
            "input.lines.1.quantity",
        ),
        ({"lines": [line("mug", -1)]}, "INVALID_QUANTITY", "input.lines.0.quantity"),
        ({"lines": [line("mug"), line("mug")]}, "DUPLICATE_LINE", "input.lines.1.sku"),
        ({"lines": [line("mug"), line("gone")]}, "UNKNOWN_SKU", "input.lines.1.sku"),
        ({"lines": [line("no\x00where")]}, "UNKNOWN_SKU", "input.lines.0.sku"),
        ({"idempotencyKey": ""}, "INVALID_INPUT", "input.idempotencyKey"),
        ({"idempotencyKey": "k" * 101}, "INVALID_INPUT", "input.idempotencyKey"),
        ({"discountCode": "WELCOME"}, "UNKNOWN_DISCOUNT", "input.discountCode"),
        ({"discountCode": ""}, "UNKNOWN_DISCOUNT", "input.discountCode"),
        ({"paymentMethod": "4242 4242"}, "INVALID_INPUT", "input.paymentMethod"),
        (
            {"shippingAddress": ADDRESS | {"postalCode": " "}},
            "INVALID_INPUT",
            "input.shippingAddress.postalCode",
        ),
        (
            {"shippingAddress": ADDRESS | {"street": "x" * 200_000}},
            "INVALID_INPUT",
            "input.shippingAddress.street",
        ),
        (
            {"shippingAddress": ADDRESS | {"country": "Great Britain"}},
            "INVALID_INPUT",
            "input.shippingAddress.country",
        ),
        (
            {"shippingAddress": ADDRESS | {"name": "\u200b\u2060"}},
            "INVALID_INPUT",
            "input.shippingAddress.name",
        ),
        (
            {"shippingAddress": ADDRESS | {"line2": "a\nb"}},
            "INVALID_INPUT",
            "input.shippingAddress.line2",
        ),
        (
            {"shippingAddress": ADDRESS | {"company": "\u3164"}},
            "INVALID_INPUT",
            "input.shippingAddress.company",
        ),
        (
            {"shippingAddress": ADDRESS | {"region": " "}},
            "INVALID_INPUT",
            "input.shippingAddress.region",
        ),
        (
            {"shippingAddress": ADDRESS | {"phone": "12"}},
            "INVALID_INPUT",
            "input.shippingAddress.phone",
        ),
        (
            {"shippingAddress": ADDRESS | {"country": "ZZ"}},
            "INVALID_INPUT",
            "input.shippingAddress.country",
        ),
        (
            {"shippingAddress": ADDRESS | {"country": "XK"}},
            "INVALID_INPUT",
            "input.shippingAddress.country",
        ),
        (
            {"shippingAddress": ADDRESS | {"postalCode": "10115"}},
            "INVALID_INPUT",
            "input.shippingAddress.postalCode",
        ),
        (
            {"shippingAddress": ADDRESS | {"postalCode": None}},
            "INVALID_INPUT",
            "input.shippingAddress.postalCode",
        ),
        (
            {"shippingAddress": ADDRESS | {"country": "IT", "postalCode": "00184"}},
            "INVALID_INPUT",
            "input.shippingAddress.region",
        ),
        ({"contact": {"email": "ada"}}, "INVALID_INPUT", "input.contact.email"),
        ({"contact": CONTACT | {"email": ""}}, "INVALID_INPUT", "input.contact.email"),
        ({"contact": CONTACT | {"phone": "+10000000000"}}, "INVALID_INPUT", "input.contact.phone"),
        ({"contact": CONTACT | {"locale": "english"}}, "INVALID_INPUT", "input.contact.locale"),
        (
            {"contact": CONTACT | {"timeZone": "Europe/Atlantis"}},
            "INVALID_INPUT",
            "input.contact.timeZone",
        ),
        (
            {"expectedTotal": {"amount": -1, "currency": "EUR"}},
            "INVALID_INPUT",
            "input.expectedTotal.amount",
        ),
        (
            {"expectedTotal": {"amount": 500, "currency": "GBP"}},
            "CURRENCY_MISMATCH",
            "input.expectedTotal.currency",
        ),
        (
            {"expectedTotal": {"amount": 499, "currency": "EUR"}},
            "PRICE_CHANGED",
            "input.expectedTotal.amount",
        ),
        ({"reference": ""}, "INVALID_INPUT", "input.reference"),
        ({"reference": "r" * 101}, "INVALID_INPUT", "input.reference"),
        ({"reference": "PO\n7"}, "INVALID_INPUT", "input.reference"),
        ({"metadata": [entry(f"k{i}") for i in range(21)]}, "INVALID_INPUT", "input.metadata"),
        ({"metadata": [entry("a b")]}, "INVALID_INPUT", "input.metadata.0.key"),
        ({"metadata": [entry("a"), entry("k" * 41)]}, "INVALID_INPUT", "input.metadata.1.key"),
        ({"metadata": [entry("a", "x" * 501)]}, "INVALID_INPUT", "input.metadata.0.value"),
        ({"metadata": [entry("a", "x\x00")]}, "INVALID_INPUT", "input.metadata.0.value"),
        ({"metadata": [entry("a"), entry("a")]}, "INVALID_INPUT", "input.metadata.1.key"),
    ],
)
async def test_a_faulty_order_is_refused_with_the_field_at_fault(
    ada: Viewer, changes: dict[str, object], code: str, field: str
) -> None:
    assert await errors_of(ada, **changes) == [(code, field)]


async def test_all_faults_are_reported_at_once(ada: Viewer) -> None:
    lines = [line("mug", 0), line("gone"), line("mug")]

    assert await errors_of(ada, lines=lines, paymentMethod="") == [
        ("INVALID_QUANTITY", "input.lines.0.quantity"),
        ("UNKNOWN_SKU", "input.lines.1.sku"),
        ("DUPLICATE_LINE", "input.lines.2.sku"),
        ("INVALID_INPUT", "input.paymentMethod"),
    ]


async def test_all_faults_of_address_and_contact_are_reported_and_not_repeated(
    ada: Viewer,
) -> None:
    contact = {"email": "hidden@", "phone": "hidden", "locale": "hidden!", "timeZone": "hidden/0"}
    address = ADDRESS | {"country": "US", "postalCode": "hidden", "phone": "hidden"}
    order = an_order(shippingAddress=address, contact=contact)

    answer = await ada.ask(operation("PlaceOrder"), input=order)

    errors = answer["data"]["placeOrder"]["userErrors"]
    assert [(error["code"], ".".join(error["field"])) for error in errors] == [
        ("INVALID_INPUT", f"input.{path}")
        for path in (
            *("shippingAddress.region", "shippingAddress.postalCode", "shippingAddress.phone"),
            *("contact.email", "contact.phone", "contact.locale", "contact.timeZone"),
        )
    ]
    assert "hidden" not in str(answer)


async def test_products_of_different_currencies_cannot_be_in_one_order(
    api: Api, ada: Viewer
) -> None:
    await api.log.list_product("tea", currency="GBP")

    lines = [line("mug"), line("tea")]
    assert await errors_of(ada, lines=lines) == [("CURRENCY_MISMATCH", "input.lines")]


async def test_a_total_beyond_what_an_amount_can_be_is_refused(api: Api, ada: Viewer) -> None:
    await api.log.list_product("yacht", price=10**12)

    assert await errors_of(ada, lines=[line("yacht", 2)]) == [("INVALID_INPUT", "input.lines")]


async def test_an_order_of_nothing_to_pay_needs_an_expected_total(api: Api, ada: Viewer) -> None:
    await api.log.list_product("sample", price=0)

    errors = await errors_of(ada, lines=[line("sample", 3)])
    assert errors == [("ZERO_TOTAL", "input.expectedTotal")]


async def test_a_changed_price_is_reported(ada: Viewer) -> None:
    expected = {"amount": 499, "currency": "EUR"}
    payload = await ada.run("PlaceOrder", input=an_order(lines=TWO_MUGS, expectedTotal=expected))

    assert payload["userErrors"][0]["message"] == "the total is 500 EUR (minor units)"


async def test_a_refusal_does_not_repeat_what_the_customer_sent(ada: Viewer) -> None:
    address = ADDRESS | {"street": "secret\x01", "country": "secret"}
    answer = await ada.ask(operation("PlaceOrder"), input=an_order(shippingAddress=address))

    assert len(answer["data"]["placeOrder"]["userErrors"]) == 2
    assert "secret" not in str(answer)
