"""Plan the orders of a run: the slow ones first, the others mixed."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Final

from demo import scenarios as s
from demo.scenarios import Basket, Scenario

CUSTOMERS: Final = ("ada", "grace", "edsger", "barbara")

ORDINARY: Final = 80
SPECIAL: Final = {
    s.NEVER_PAID: 3,
    s.NEVER_SENT: 2,
    s.CARRIER_FAILS: 3,
    s.PAID_AGAIN: 8,
    s.APPROVED: 6,
    s.OUT_OF_STOCK: 5,
    s.CANCELLED_AT_ONCE: 4,
    s.CANCELLED_LATER: 4,
    s.ADDRESS_REFUSED: 5,
    s.BACKORDERED: 4,
    s.RETURNED: 4,
    s.RETURNED_IN_PART: 3,
    s.PARCEL_LOST: 2,
}
_SLOW: Final = (s.NEVER_PAID, s.NEVER_SENT, s.CARRIER_FAILS)
_BASKETS: Final[tuple[Basket, ...]] = (
    {"TEA-01": 2},
    {"TEA-02": 1, "TIN-01": 1},
    {"MUG-01": 4},
    {"POT-01": 1, "TEA-01": 1, "CUP-02": 1},
    {"KET-01": 1},
    {"TIN-01": 3, "TEA-01": 1},
)


@dataclass(frozen=True, slots=True)
class Plan:
    """One order to place, with the scenario that it follows."""

    key: str
    customer: str
    scenario: Scenario
    basket: Basket
    discount_code: str | None = None


def plan(run: str, ordinary: int, discount_code: str | None = None) -> list[Plan]:
    """Return the orders of this run in the sequence in which to place them.

    Every second order of each outcome uses the discount code, if there is one.
    """
    counts = {**SPECIAL, s.COMPLETED: ordinary}
    slow = [scenario for scenario in _SLOW for _ in range(counts.pop(scenario))]
    quick = [scenario for scenario, count in counts.items() for _ in range(count)]
    random.Random(run).shuffle(quick)  # noqa: S311 - no secret
    codes = {scenario: cycle((None, discount_code)) for scenario in {*slow, *quick}}
    mixed = zip(slow + quick, cycle(CUSTOMERS), cycle(_BASKETS), strict=False)
    return [
        Plan(
            f"{run}-{number}",
            customer,
            scenario,
            scenario.basket or basket,
            next(codes[scenario]),
        )
        for number, (scenario, customer, basket) in enumerate(
            islice(mixed, len(slow) + len(quick)), start=1
        )
    ]


def units_wanted(plans: list[Plan]) -> Basket:
    """Return the most units that the run can ship. The operator receives them before it starts."""
    wanted: Counter[str] = Counter()
    for each in plans:
        if not each.scenario.waits:
            wanted.update(each.basket)
    return wanted
