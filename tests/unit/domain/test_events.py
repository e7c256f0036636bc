from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.customer.commands import ErasureReason
from domain.event import Event
from domain.inventory.commands import AdjustmentReason
from domain.money import Money
from domain.order.commands import CancellationReason, RejectionReason
from domain.order.contact import Contact
from domain.order.events import OrderCreated, OrderReserved
from domain.order.lines import Address, OrderLine, ReturnedLine
from domain.order.price import Price
from domain.order.promises import Promises
from domain.order.references import MetadataKey, MetadataValue
from domain.payment.commands import DisputeOutcome, HoldEnd
from domain.privacy import Sealed
from domain.registry import EVENT_TYPES
from domain.saga.commands import ReconciledSystem, RecoveryCause
from tests.support.order_parts import a_line
from tests.unit.domain.examples import CREATED

WORDS: Final = st.text(st.characters(exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=9)
LINES_OF_TEXT: Final = WORDS.map(lambda word: f"·{word}")  # a word may be invisible
MONEY: Final = st.builds(
    Money, amount=st.integers(0, 10**12), currency=st.from_regex(r"[A-Z]{3}", fullmatch=True)
)
ADDRESSES: Final = st.builds(
    Address,
    **dict.fromkeys(("name", "street", "city"), LINES_OF_TEXT),
    **dict.fromkeys(
        ("postal_code", "line2", "region", "company", "phone"), st.none() | LINES_OF_TEXT
    ),
    country=st.just("GB"),
)
CONTACTS: Final = st.builds(
    Contact,
    email=st.none() | st.just("ada@example.com"),
    phone=st.none() | st.just("+442079460958"),
    locale=st.none() | st.just("en-GB"),
    time_zone=st.none() | st.just("Europe/London"),
)
SEALED: Final = st.builds(Sealed, subject=WORDS, key_id=st.uuids(), ciphertext=WORDS)
LINES: Final = st.builds(
    OrderLine,
    id=st.uuids().map(str),
    sku=st.from_regex(r"[a-z]{1,9}", fullmatch=True),
    name=WORDS,
    quantity=st.integers(1, 1_000),
    unit_price=st.integers(0, 10**12),
)
DURATION: Final = st.timedeltas(min_value=timedelta(0))
PROMISES: Final = st.builds(Promises, **dict.fromkeys(Promises.model_fields, DURATION))
AMOUNTS: Final = st.integers(0, 10**11)
PRICES: Final = st.builds(
    lambda line, shipping: Price.of([line], "EUR", shipping=shipping),
    st.builds(lambda unit_price, tax: a_line(unit_price=unit_price, tax=tax), AMOUNTS, AMOUNTS),
    AMOUNTS,
)
RETURNED_LINES: Final = st.builds(
    ReturnedLine,
    sku=st.from_regex(r"[a-z]{1,9}", fullmatch=True),
    quantity=st.integers(1, 1_000),
)
FIELDS: Final[dict[object, st.SearchStrategy[Any]]] = {
    bool: st.booleans(),
    int: st.integers(-(2**53), 2**53),
    str: WORDS,
    int | None: st.none() | st.integers(1, 100),
    DisputeOutcome: st.sampled_from(DisputeOutcome),
    str | None: st.none() | WORDS,
    str | Sealed: WORDS | SEALED,
    Money: MONEY,
    Promises: PROMISES,
    dict[MetadataKey, MetadataValue]: st.dictionaries(WORDS.map(lambda _: "key"), WORDS),
    Price: PRICES,
    Price | None: st.none() | PRICES,
    Address | Sealed: ADDRESSES | SEALED,
    Contact | Sealed | None: CONTACTS | SEALED | st.none(),
    AdjustmentReason: st.sampled_from(AdjustmentReason),
    ErasureReason: st.sampled_from(ErasureReason),
    tuple[ReturnedLine, ...]: st.lists(RETURNED_LINES, max_size=3).map(tuple),
    tuple[OrderLine, ...]: st.lists(LINES, max_size=3).map(tuple),
    datetime: st.datetimes(timezones=st.just(UTC)),
    datetime | None: st.none() | st.datetimes(timezones=st.just(UTC)),
    HoldEnd: st.sampled_from(HoldEnd),
    CancellationReason: st.sampled_from(CancellationReason),
    RejectionReason: st.sampled_from(RejectionReason),
    RecoveryCause: st.sampled_from(RecoveryCause),
    ReconciledSystem: st.sampled_from(ReconciledSystem),
}


def _any(event_type: type[Event]) -> st.SearchStrategy[Event]:
    fields = event_type.model_fields.items()
    return st.builds(event_type, **{name: FIELDS[field.annotation] for name, field in fields})


@pytest.mark.parametrize("name", EVENT_TYPES)
@settings(max_examples=20)
@given(data=st.data())
def test_an_event_comes_back_from_json_unchanged(name: str, data: st.DataObject) -> None:
    event = data.draw(_any(EVENT_TYPES[name]))
    stored = json.dumps(json.loads(event.model_dump_json()), sort_keys=True)
    assert EVENT_TYPES[name].model_validate_json(stored) == event


def test_an_order_is_stored_with_everything_that_its_saga_needs() -> None:
    assert json.loads(CREATED.model_dump_json()) == {
        "order_id": "order-of-ada",
        "customer_id": "ada",
        "lines": [
            {
                "id": "line-of-cup",
                "sku": "cup",
                "name": "A cup",
                "quantity": 2,
                "unit_price": 450,
                "discount": 0,
                "tax": 0,
            },
            {
                "id": "line-of-pot",
                "sku": "pot",
                "name": "A pot",
                "quantity": 1,
                "unit_price": 2_100,
                "discount": 0,
                "tax": 0,
            },
        ],
        "price": {
            "currency": "EUR",
            "lines": 3_000,
            "discount": 0,
            "shipping": 0,
            "tax": 0,
            "shipping_tax": 0,
            "total": 3_000,
        },
        "payment_method": "pm_card_visa",
        "shipping_address": {
            "name": "Ada Example",
            "street": "1 Sample Street",
            "city": "Testham",
            "postal_code": "00001",
            "country": "GB",
            "line2": None,
            "region": None,
            "company": None,
            "phone": None,
        },
        "contact": {
            "email": "ada@example.com",
            "phone": "+442079460958",
            "locale": "en-GB",
            "time_zone": "Europe/London",
        },
        "fingerprint": "fingerprint-1",
        "number": "W-NZCPARBRQ5",
        "promises": {
            "backorder": "P1D",
            "payment_window": "PT15M",
            "dispatch": "P2D",
            "delivery": "P5D",
            "return_window": "P14D",
            "return_delivery": "P30D",
        },
        "backorder": False,
        "reference": None,
        "metadata": {},
        "discount_code": None,
    }


def test_events_of_the_same_fields_and_another_type_differ() -> None:
    names = ["OrderReserved", "OrderAuthorized", "OrderConfirmed", "OrderShipped"]
    milestones = [EVENT_TYPES[name].model_validate({"order_id": "o-1"}) for name in names]
    assert [OrderReserved(order_id="o-1") == milestone for milestone in milestones] == [
        True,
        False,
        False,
        False,
    ]


def test_an_event_refuses_unknown_fields() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        OrderReserved.model_validate({"order_id": "o-1", "note": "x"})


def test_an_event_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        CREATED.order_id = "o-2"  # type: ignore[misc]  # must not work


def test_no_text_of_an_event_shows_the_address() -> None:
    assert "Ada Example" not in repr(CREATED) + str(CREATED)


@pytest.mark.parametrize("text", ['{"order_id": "Hidden', '{"shipping_address": "Hidden"}'])
def test_an_event_that_cannot_be_read_is_not_shown(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        OrderCreated.model_validate_json(text)
    assert "Hidden" not in str(caught.value)
