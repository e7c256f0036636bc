"""Refunds of a part are rounded to what the provider moves, and add up to the whole."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.payments.wanted import nearest

FILS, ARIARY = 10, 100


@pytest.mark.parametrize(
    ("wanted", "unit", "rounded"),
    [(5_124, FILS, 5_120), (5_125, FILS, 5_130), (149, ARIARY, 100), (7, 1, 7), (4, FILS, 0)],
)
def test_a_refund_is_the_nearest_amount_that_the_provider_moves(
    wanted: int, unit: int, rounded: int
) -> None:
    assert nearest("refund", {"refund": wanted}, {}, unit) == rounded


def test_a_refund_makes_up_for_the_rounding_of_another() -> None:
    both = {"refund": 5_005, "refund_order_1": 5_005}
    assert nearest("refund", both, {"refund_order_1": 5_010}, FILS) == 5_000


@pytest.mark.parametrize("given_before", [0, 4_000])
def test_a_refund_makes_up_for_none_that_was_not_made_or_not_wholly(given_before: int) -> None:
    both = {"refund": 5_005, "refund_order_1": 5_005}
    assert nearest("refund", both, {"refund_order_1": given_before}, FILS) == 5_010


def test_a_refund_by_another_purpose_is_no_rounding() -> None:
    assert nearest("refund", {"refund": 5_005}, {"give_back": 5_000}, FILS) == 5_010


@given(st.lists(st.integers(1, 10**6), min_size=1, max_size=8), st.sampled_from([1, FILS, ARIARY]))
def test_the_refunds_of_everything_add_up_to_what_was_paid(parts: list[int], unit: int) -> None:
    parts.append(unit - sum(parts) % unit)  # what is paid is a multiple of the unit
    wanted = {f"refund_order_{number}": part for number, part in enumerate(parts)}
    made: dict[str, int] = {}
    for purpose in wanted:
        made[purpose] = nearest(purpose, wanted, made, unit)

    assert sum(made.values()) == sum(parts)
    assert all(amount % unit == 0 for amount in made.values())
