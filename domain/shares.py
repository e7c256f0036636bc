"""Divide amounts of money so that no minor unit is lost or made."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal


def percent_of(amount: int, percent: Decimal) -> int:
    """Return the percentage of an amount, rounded half up to the minor unit.

    EU law leaves the rounding of tax to its member states, as long as it is proportionate: Court of
    Justice, C-484/06, Koninklijke Ahold.
    """
    exact = Decimal(amount) * percent.scaleb(-2)
    return int(exact.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def spread(amount: int, weights: Sequence[int]) -> tuple[int, ...]:
    """Divide an amount in proportion to the weights, by the largest-remainder method.

    Each share is rounded down. The units that are left go to the shares with the largest
    remainders, and among equal ones to the first. So the shares add up to the amount, and no share
    exceeds its weight while the amount does not exceed their sum. Weights of 0 get nothing.
    """
    whole = sum(weights)
    if not whole:
        return (0,) * len(weights)
    shares = [amount * weight // whole for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda i: -(amount * weights[i] % whole))
    for index in by_remainder[: amount - sum(shares)]:
        shares[index] += 1
    return tuple(shares)


def share_of(amount: int, pieces: int, of: int) -> int:
    """Return the part of an amount that belongs to the first of its pieces, rounded down.

    The part of all pieces is the whole amount. So the differences between growing numbers of pieces
    add up to it.
    """
    return amount * pieces // of
