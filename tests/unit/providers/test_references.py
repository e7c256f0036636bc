from __future__ import annotations

import pytest

from providers.references import Booking, booking_of, order_of


def test_the_first_booking_has_the_order_as_its_reference() -> None:
    assert Booking("order-1").reference == "order-1"
    assert booking_of("order-1") == Booking("order-1", 1)


def test_a_later_booking_has_a_reference_of_its_own() -> None:
    assert Booking("order-1", 2).reference == "order-1~2"
    assert booking_of("order-1~2") == Booking("order-1", 2)
    assert order_of("order-1~2") == "order-1"


@pytest.mark.parametrize(
    "text", ["", "~2", "order-1~", "order-1~1", "order-1~02", "order-1~x", "o o"]
)
def test_any_other_reference_is_none_of_an_order(text: str) -> None:
    assert booking_of(text) is None
    assert order_of(text) == text
