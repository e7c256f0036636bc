from __future__ import annotations

from typing import Final
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import (
    command_workflow_id,
    event_id_for,
    idempotency_key_id,
    line_id_for,
    order_id_for,
    order_workflow_id,
    payment_workflow_id,
)

KEY_ID: Final = UUID("6494dfd4-395a-58a3-bc9d-ff6c681dc829")
TEXT: Final = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
"""A UUID of version 5 is a hash of UTF-8, which has no lone surrogates."""


def test_ids_are_the_same_in_every_release() -> None:
    """If an id changed, a retry across an upgrade would place the order twice."""
    assert order_id_for("ada", "key-1") == "e99c504c-e5bd-5774-a122-c98b03cf3def"
    assert event_id_for("order-1", "reserve", 0) == UUID("b3a6bd05-ed7c-55a4-b674-967995a41eee")
    assert idempotency_key_id("olga", "receiveStock", "key-1") == KEY_ID
    assert command_workflow_id("ReceiveStock", KEY_ID) == f"command-ReceiveStock-{KEY_ID}"
    assert line_id_for("o-1", 0) == "9d938db0-d4b3-5e4c-9b44-fa68086fa3f5"
    assert order_workflow_id("o-1") == "order-o-1"
    assert payment_workflow_id("o-1") == "payment-o-1"


def test_a_derived_id_is_name_based() -> None:
    assert UUID(order_id_for("ada", "key-1")).version == 5
    assert event_id_for("order-1", "reserve", 0).version == 5


@given(TEXT, TEXT)
def test_the_same_input_has_the_same_id(customer_id: str, key: str) -> None:
    assert order_id_for(customer_id, key) == order_id_for(customer_id, key)


@given(st.tuples(TEXT, TEXT), st.tuples(TEXT, TEXT))
def test_other_input_has_another_id(one: tuple[str, str], other: tuple[str, str]) -> None:
    assert (order_id_for(*one) == order_id_for(*other)) == (one == other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a", "bc"), ("ab", "c")),
        (("", "abc"), ("abc", "")),
        (("a", "1:b"), ("a1:", "b")),
        (("1:a", "b"), ("1", "a1:b")),
        (("a", "b"), ("b", "a")),
    ],
)
def test_parts_that_join_to_the_same_text_have_different_ids(
    one: tuple[str, str], other: tuple[str, str]
) -> None:
    assert order_id_for(*one) != order_id_for(*other)
    assert event_id_for(*one, 0) != event_id_for(*other, 0)
    assert idempotency_key_id("ada", *one) != idempotency_key_id("ada", *other)


def test_each_part_of_a_step_changes_the_event_id() -> None:
    ids = {
        event_id_for("order-1", "reserve", 0),
        event_id_for("order-2", "reserve", 0),
        event_id_for("order-1", "release", 0),
        event_id_for("order-1", "reserve", 1),
        event_id_for("order-1", "reserve", 10),
    }
    assert len(ids) == 5


def test_each_line_of_each_order_has_another_id() -> None:
    ids = [line_id_for(order_id, index) for order_id in ("o-1", "o-11") for index in (0, 1, 10)]
    assert len(set(ids)) == len(ids)


def test_ids_of_different_kinds_differ() -> None:
    assert order_id_for("a", "b") != str(idempotency_key_id("order", "a", "b"))
    assert str(event_id_for("a", "b", 0)) != order_id_for("a", "b")


def test_a_key_belongs_to_one_operation_of_one_person() -> None:
    ids = {
        idempotency_key_id("olga", "receiveStock", "key-1"),
        idempotency_key_id("olga", "listProduct", "key-1"),
        idempotency_key_id("omar", "receiveStock", "key-1"),
        idempotency_key_id("olga", "receiveStock", "key-2"),
    }
    assert len(ids) == 4
