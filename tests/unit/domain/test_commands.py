from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest
from pydantic import ValidationError

from domain.command import Command
from domain.customer.commands import EraseCustomer
from domain.inventory.commands import (
    MAX_RECEIPT,
    AdjustStock,
    CommitStock,
    ReceiveStock,
    ReserveStock,
)
from domain.order.commands import CancelOrder, PlaceOrder, RejectOrder, RequestCancellation
from domain.order.lines import MAX_LINES, MAX_QUANTITY
from domain.payment.commands import RecordAuthorization, RequestPayment
from domain.product.commands import ChangePrice, DiscontinueProduct, ListProduct
from domain.shipping.commands import RecordShipment, RecordTracking
from tests.unit.domain.examples import PLACE

EUROS: Final = {"amount": 3_000, "currency": "EUR"}

VALID: Final[dict[type[Command], dict[str, Any]]] = {
    PlaceOrder: PLACE.model_dump(),
    CancelOrder: {"aggregate_id": "o-1"},
    RejectOrder: {"aggregate_id": "o-1", "reason": "OUT_OF_STOCK", "sku": "cup"},
    RequestCancellation: {"aggregate_id": "o-1", "reason": "CUSTOMER_REQUEST"},
    ListProduct: {"aggregate_id": "cup", "name": "Cup", "price": EUROS},
    ChangePrice: {"aggregate_id": "cup", "price": EUROS},
    DiscontinueProduct: {"aggregate_id": "cup"},
    AdjustStock: {"aggregate_id": "cup", "difference": -5, "reason": "DAMAGED"},
    EraseCustomer: {"aggregate_id": "ada", "reason": "CUSTOMER_REQUEST"},
    ReceiveStock: {"aggregate_id": "cup", "quantity": 5},
    ReserveStock: {"aggregate_id": "cup", "order_id": "o-1", "quantity": 5},
    CommitStock: {"aggregate_id": "cup", "order_id": "o-1"},
    RequestPayment: {"aggregate_id": "o-1", "attempt": 1, "amount": EUROS, "method": "pm_card"},
    RecordAuthorization: {"aggregate_id": "o-1", "attempt": 1, "reference": "pi_1"},
    RecordShipment: {"aggregate_id": "o-1", "shipment_id": "s-1"},
    RecordTracking: {"aggregate_id": "o-1", "tracking": {"number": "T-1"}},
}

ADDRESS: Final[dict[str, Any]] = VALID[PlaceOrder]["shipping_address"]
NO_IDENTIFIERS: Final = ("", " ", "-a", "a b", "a/b", "a\n", "a\x00", "å", "a" * 101, None, 7)
NO_TEXTS: Final = ("", "   ", "\n", "a\nb", "a\x00b", "a\x7fb", "a\x85b", "a" * 201, "\ud800", 7)
NO_QUANTITIES: Final = (0, -1, 1.0, "1", True, None)


def line(**changes: object) -> dict[str, object]:
    sku = changes.get("sku", "cup")
    about = {"id": f"line-of-{sku}", "sku": "cup", "name": "Cup"}
    return {**about, "quantity": 1, "unit_price": 3_000, **changes}


def beside_another(**changes: object) -> list[dict[str, object]]:
    return [line(sku="pot"), line(**changes)]


def price(total: int) -> dict[str, object]:
    return {"currency": "EUR", "lines": total, "total": total}


def lines(count: int) -> list[dict[str, object]]:
    return [line(sku=f"sku-{number}", unit_price=1) for number in range(count)]


@pytest.mark.parametrize("kind", VALID)
def test_a_command_is_built_from_data_and_from_its_own_json(kind: type[Command]) -> None:
    command = kind.model_validate(VALID[kind])
    assert kind.model_validate_json(command.model_dump_json()) == command
    assert command.command_type == kind.__name__


@pytest.mark.parametrize("kind", VALID)
def test_a_command_refuses_unknown_fields(kind: type[Command]) -> None:
    assert _faults(kind, {"unheard_of": 1}) == [("unheard_of",)]


@pytest.mark.parametrize("kind", VALID)
def test_no_field_may_be_missing(kind: type[Command]) -> None:
    for name, field in kind.model_fields.items():
        data = {key: value for key, value in VALID[kind].items() if key != name}
        if field.is_required():
            with pytest.raises(ValidationError) as caught:
                kind.model_validate(data)
            assert [fault["loc"] for fault in caught.value.errors()] == [(name,)]


@pytest.mark.parametrize("value", NO_IDENTIFIERS)
def test_ids_refuse_characters_that_break_a_stream_name(value: object) -> None:
    for kind in VALID:
        assert _faults(kind, {"aggregate_id": value}) == [("aggregate_id",)]
    assert _faults(ReserveStock, {"order_id": value}) == [("order_id",)]
    assert _faults(PlaceOrder, {"customer_id": value}) == [("customer_id",)]
    assert _faults(PlaceOrder, {"lines": beside_another(sku=value, id="line-1")}) == [
        ("lines", 1, "sku")
    ]


@pytest.mark.parametrize("value", ["a", "7", "A.b_c:d-e", "a" * 100])
def test_ids_of_letters_digits_and_a_few_marks_are_accepted(value: str) -> None:
    assert CancelOrder(aggregate_id=value).aggregate_id == value


@pytest.mark.parametrize("value", [*NO_QUANTITIES, MAX_RECEIPT + 1])
def test_stock_moves_by_whole_pieces_up_to_a_limit(value: object) -> None:
    assert _faults(ReceiveStock, {"quantity": value}) == [("quantity",)]
    assert _faults(ReserveStock, {"quantity": value}) == [("quantity",)]


@pytest.mark.parametrize("value", [*NO_QUANTITIES, MAX_QUANTITY + 1])
def test_a_line_has_whole_pieces_up_to_a_limit(value: object) -> None:
    assert _faults(PlaceOrder, {"lines": beside_another(quantity=value)}) == [
        ("lines", 1, "quantity")
    ]


def test_the_limits_themselves_are_accepted() -> None:
    assert ReceiveStock(aggregate_id="cup", quantity=MAX_RECEIPT).quantity == 1_000_000
    full = line(quantity=MAX_QUANTITY, unit_price=3)
    assert _placed(lines=[full]).lines[0].total == 3_000
    assert len(_placed(lines=lines(MAX_LINES), price=price(100)).lines) == 100


@pytest.mark.parametrize("value", [-1, 10**12 + 1, 1.5, "1", True])
def test_a_price_is_an_amount_in_minor_units(value: object) -> None:
    assert _faults(PlaceOrder, {"lines": beside_another(unit_price=value)}) == [
        ("lines", 1, "unit_price")
    ]
    assert _faults(ListProduct, {"price": {**EUROS, "amount": value}}) == [("price", "amount")]


@pytest.mark.parametrize("value", [[], lines(MAX_LINES + 1), None])
def test_an_order_has_1_to_100_lines(value: object) -> None:
    assert _faults(PlaceOrder, {"lines": value}) == [("lines",)]


def test_a_sku_is_on_one_line_only() -> None:
    twice = [line(unit_price=1_000), line(unit_price=2_000)]
    with pytest.raises(ValidationError, match="each SKU may be on one line only"):
        _placed(lines=twice)


def test_each_line_has_an_id_of_its_own() -> None:
    alike = [line(sku="pot", id="1", unit_price=1_000), line(id="1", unit_price=2_000)]
    with pytest.raises(ValidationError, match="each line needs an id of its own"):
        _placed(lines=alike)


@pytest.mark.parametrize("value", NO_TEXTS)
def test_a_line_names_its_product(value: object) -> None:
    assert _faults(PlaceOrder, {"lines": beside_another(name=value)}) == [("lines", 1, "name")]


@pytest.mark.parametrize("value", ["", " ", "a\nb", "a\x00", "a" * 101, "\ud800", 7])
def test_a_reference_is_one_short_line_of_text(value: object) -> None:
    assert _faults(PlaceOrder, {"reference": value}) == [("reference",)]


@pytest.mark.parametrize("key", ["", "a b", "ä", "a/b", "a" * 41])
def test_a_key_of_the_metadata_is_a_short_name(key: str) -> None:
    assert _faults(PlaceOrder, {"metadata": {key: "x"}}) == [("metadata", key, "[key]")]


@pytest.mark.parametrize("value", ["a\nb", "a\x00b", "a" * 501, "\ud800", 7, None])
def test_a_value_of_the_metadata_is_one_line_of_text(value: object) -> None:
    assert _faults(PlaceOrder, {"metadata": {"key": value}}) == [("metadata", "key")]


def test_an_order_has_at_most_20_entries_of_metadata() -> None:
    entries = {f"key-{number}": "x" * 500 for number in range(21)}
    assert _faults(PlaceOrder, {"metadata": entries}) == [("metadata",)]
    del entries["key-20"]
    assert _placed(metadata=entries, reference=" PO 7 / é\t").metadata == entries
    assert _placed(reference=" PO 7 / é ").reference == "PO 7 / é"
    assert _placed(metadata={"A_b.c-9": ""}).metadata == {"A_b.c-9": ""}


@pytest.mark.parametrize("value", ["", "4242 4242 4242 4242", "pm-card", "pm\n", "a" * 101, 7])
def test_a_payment_method_is_a_token(value: object) -> None:
    assert _faults(PlaceOrder, {"payment_method": value}) == [("payment_method",)]


@pytest.mark.parametrize(
    "field", ["name", "street", "city", "postal_code", "line2", "region", "company", "phone"]
)
@pytest.mark.parametrize("value", NO_TEXTS)
def test_an_address_has_lines_of_text(field: str, value: object) -> None:
    fault = ("shipping_address", field)
    assert _faults(PlaceOrder, {"shipping_address": {**ADDRESS, field: value}}) == [fault]


@pytest.mark.parametrize("value", ["", "gb", "GBR", "G1", "GB\n"])
def test_a_country_is_two_capital_letters(value: str) -> None:
    fault = ("shipping_address", "country")
    assert _faults(PlaceOrder, {"shipping_address": {**ADDRESS, "country": value}}) == [fault]


@pytest.mark.parametrize("value", NO_TEXTS)
def test_a_products_name_is_a_line_of_text(value: object) -> None:
    assert _faults(ListProduct, {"name": value}) == [("name",)]


def test_text_in_any_script_is_accepted_and_stripped() -> None:
    command = ListProduct.model_validate({**VALID[ListProduct], "name": " Ørsteds 茶 🍵\n"})
    assert command.name == "Ørsteds 茶 🍵"


def test_a_reason_outside_the_list_is_refused() -> None:
    assert _faults(RequestCancellation, {"reason": "WHIM"}) == [("reason",)]
    assert _faults(RejectOrder, {"reason": "CUSTOMER_REQUEST"}) == [("reason",)]


def test_attempts_count_from_1() -> None:
    assert _faults(RequestPayment, {"attempt": 0}) == [("attempt",)]


def test_a_command_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        PLACE.customer_id = "bob"  # type: ignore[misc]  # must not work


def test_neither_text_form_of_an_order_shows_the_address() -> None:
    for text in (repr(PLACE), str(PLACE), repr(PLACE.shipping_address), f"{PLACE!s}"):
        assert "Ada Example" not in text
        assert "Address(…)" in text


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        (PlaceOrder, {"shipping_address": {**ADDRESS, "street": "Hidden Lane\x00"}}),
        (PlaceOrder, {"shipping_address": {**ADDRESS, "country": "Hidden"}}),
        (PlaceOrder, {"shipping_address": "Hidden"}),
        (PlaceOrder, {"lines": [line(sku="Hidden Sku")]}),
        (PlaceOrder, {"lines": "Hidden"}),
        (PlaceOrder, {"payment_method": "Hidden-4242"}),
        (PlaceOrder, {"price": {"lines": 1, "total": 1, "currency": "Hidden"}}),
        (PlaceOrder, {"discount_code": "Hidden code"}),
        (RequestCancellation, {"reason": "Hidden"}),
        (ReceiveStock, {"quantity": "Hidden"}),
    ],
)
def test_no_error_shows_what_was_sent(kind: type[Command], bad: Mapping[str, object]) -> None:
    with pytest.raises(ValidationError) as caught:
        kind.model_validate({**VALID[kind], **bad})
    for text in (str(caught.value), repr(caught.value)):
        assert "Hidden" not in text
        assert "Ada Example" not in text
        assert "input_value" not in text


def _placed(**changes: object) -> PlaceOrder:
    return PlaceOrder.model_validate({**VALID[PlaceOrder], **changes})


def _faults(kind: type[Command], changes: Mapping[str, object]) -> list[tuple[int | str, ...]]:
    """Return the places of the errors, whose texts do not contain the input."""
    with pytest.raises(ValidationError) as caught:
        kind.model_validate({**VALID[kind], **changes})
    assert "input_value" not in str(caught.value)
    return [fault["loc"] for fault in caught.value.errors()]
