"""Decide which orders get the pieces of a product when they do not suffice for all.

The same rule holds for orders that wait and for orders that have reserved: the oldest comes first,
and an order that wants more than is left is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allocation:
    """Pieces by order id, the oldest order first."""

    served: Mapping[str, int]
    short: Mapping[str, int]
    """The orders that are passed over."""
    left: int
    """The pieces that no order gets. Negative if more than all pieces are gone."""


def allocate(wanted: Mapping[str, int], pieces: int) -> Allocation:
    """Allocate the pieces to these orders, the oldest of which is first."""
    served: dict[str, int] = {}
    short: dict[str, int] = {}
    for order_id, quantity in wanted.items():
        if quantity <= pieces:
            served[order_id] = quantity
            pieces -= quantity
        else:
            short[order_id] = quantity
    return Allocation(served, short, pieces)
