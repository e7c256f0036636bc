"""What the refunds of an order are to give back, in amounts that its provider moves."""

from __future__ import annotations

from collections.abc import Mapping

from domain.order.state import OrderState
from domain.saga.plan import REFUND, refund_order


def wanted_by(order: OrderState) -> Mapping[str, int]:
    """Return what each promised refund of the order is to give back, by its step."""
    wanted = {refund_order(n).name: refund.amount for n, refund in order.refunds.items()}
    returned = order.returning or order.returned
    return wanted if returned is None else {**wanted, REFUND.name: returned.refund.total}


def nearest(purpose: str, wanted: Mapping[str, int], given: Mapping[str, int], unit: int) -> int:
    """Return what to give for this purpose: the nearest amount that the provider moves.

    It makes up for the rounding of the other refunds. So the refunds of a whole order add up to
    what was paid. `given` is what the provider lists by purpose; its amounts are multiples of
    `unit`.
    """
    others = given.keys() & wanted.keys() - {purpose}
    differences = [given[other] - wanted[other] for other in others]
    exact = wanted[purpose] - sum(each for each in differences if abs(each) < unit)
    return max((exact + unit // 2) // unit * unit, 0)
