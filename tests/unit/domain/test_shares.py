"""No division of an amount loses a minor unit or makes one."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.shares import percent_of, share_of, spread

AMOUNTS = st.integers(0, 10**12)
PERCENTS = st.decimals(0, 100, places=4)


@pytest.mark.parametrize(
    ("amount", "percent", "expected"),
    [
        (450, "19", 86),  # 85.5
        (449, "19", 85),  # 85.31
        (50, "1", 1),  # 0.5
        (49, "1", 0),  # 0.49
        (1, "50", 1),
        (150, "1", 2),  # 1.5: half up, not half even
        (250, "1", 3),  # 2.5: half even would give 2
        (1_000, "7.7", 77),
        (333, "33.3333", 111),
        (10**12, "100", 10**12),
        (10**17, "99.9999", 99_999_900_000_000_000),
        (0, "19", 0),
        (99, "0", 0),
    ],
)
def test_a_percentage_is_rounded_half_up(amount: int, percent: str, expected: int) -> None:
    assert percent_of(amount, Decimal(percent)) == expected


@pytest.mark.parametrize(
    ("amount", "weights", "expected"),
    [
        (100, [333, 333, 334], (33, 33, 34)),
        (10, [1, 1, 1], (4, 3, 3)),
        (1, [10, 10, 10], (1, 0, 0)),
        (2, [5, 15, 10], (0, 1, 1)),
        (7, [0, 7, 0], (0, 7, 0)),
        (0, [5, 5], (0, 0)),
        (0, [0, 0], (0, 0)),
        (0, [], ()),
    ],
)
def test_an_amount_is_spread_by_largest_remainders(
    amount: int, weights: list[int], expected: tuple[int, ...]
) -> None:
    assert spread(amount, weights) == expected


@given(weights=st.lists(AMOUNTS, min_size=1, max_size=100), percent=PERCENTS)
def test_the_shares_add_up_and_none_exceeds_its_weight(
    weights: list[int], percent: Decimal
) -> None:
    amount = percent_of(sum(weights), percent)
    shares = spread(amount, weights)
    assert sum(shares) == amount
    assert all(0 <= share <= weight for share, weight in zip(shares, weights, strict=True))
    exact = [amount * weight for weight in weights]
    whole = sum(weights)
    assert all(
        abs(share * whole - each) < max(whole, 1) for share, each in zip(shares, exact, strict=True)
    )


@given(amount=AMOUNTS, of=st.integers(1, 1_000))
def test_the_share_of_all_pieces_is_the_amount(amount: int, of: int) -> None:
    shares = [share_of(amount, pieces, of) for pieces in range(of + 1)]
    assert (shares[0], shares[-1]) == (0, amount)
    assert shares == sorted(shares)
