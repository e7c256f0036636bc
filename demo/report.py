"""Print the final table and the sentences below it."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from demo.parts import Parts
from demo.play import Ending
from demo.scenarios import Scenario

_MAX_FAULTS_SHOWN: Final = 20
_TABLE_WIDTH: Final = 72
"""A table of all columns needs so many characters; a narrower terminal gets a list."""


def table(endings: Sequence[Ending]) -> Table:
    result = Table(box=SIMPLE_HEAD, pad_edge=False)
    for heading in ("outcome", "orders", "expected", "became", "p50 s", "p95 s"):
        result.add_column(heading, no_wrap=heading == "outcome")
    for column in (1, 4, 5):
        result.columns[column].justify = "right"
    for scenario, its_endings in _by_scenario(endings):
        result.add_row(*_row(scenario, its_endings))
    return result


def listed(endings: Sequence[Ending]) -> str:
    """Return the figures of the table as two lines or more for each outcome."""
    lines = []
    for scenario, its_endings in _by_scenario(endings):
        name, orders, _, became, median, slow = _row(scenario, its_endings)
        lines += [f"{name}: {orders} orders", *(f"  {each}" for each in became.splitlines())]
        lines.append(f"  p50 {median} s, p95 {slow} s")
    return "\n".join(lines)


def _by_scenario(endings: Sequence[Ending]) -> list[tuple[Scenario, list[Ending]]]:
    """Return the endings of each scenario, the most frequent scenario first."""
    found: defaultdict[Scenario, list[Ending]] = defaultdict(list)
    for ending in endings:
        found[ending.scenario].append(ending)
    return sorted(found.items(), key=lambda item: (-len(item[1]), item[0].name))


def _row(scenario: Scenario, endings: Sequence[Ending]) -> tuple[str, ...]:
    seconds = [ending.seconds for ending in endings]
    return (
        scenario.name,
        str(len(endings)),
        scenario.status,
        _became(endings),
        f"{percentile(seconds, 50):.1f}",
        f"{percentile(seconds, 95):.1f}",
    )


def _became(endings: Sequence[Ending]) -> str:
    """Return the outcomes, without the expected reason, because the outcome's name implies it."""
    counts = Counter(
        ending.scenario.status if ending.is_expected else f"not so: {ending.became}"
        for ending in endings
    )
    return "\n".join(f"{count} {became}" for became, count in sorted(counts.items()))


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that `percent` of the values do not exceed (nearest rank)."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def show(
    console: Console,
    endings: Sequence[Ending],
    seconds: float,
    faults: Sequence[str],
    kept: Parts,
) -> None:
    console.print(table(endings) if console.width >= _TABLE_WIDTH else listed(endings))
    rate = len(endings) / seconds
    console.print(f"{len(endings)} orders in {seconds:.1f} s: {rate:.1f} orders a second.")
    for ending in endings:
        if not ending.is_expected:
            console.print(f"order {ending.order}: {ending.scenario.name}: {ending.became}")
    for fault in faults[:_MAX_FAULTS_SHOWN]:
        console.print(fault)
    console.print(f"Paid and not refunded, in cents: {kept}.")
    console.print(_verdict(endings))
    console.print(_balance(faults))


def _verdict(endings: Sequence[Ending]) -> str:
    otherwise = sum(not ending.is_expected for ending in endings)
    if otherwise:
        return f"{otherwise} of {len(endings)} orders did NOT end as expected."
    return "Every order ended as expected."


def _balance(faults: Sequence[str]) -> str:
    if faults:
        return f"Stock and money do NOT add up: {len(faults)} discrepancies."
    return (
        "Stock and money add up: for every SKU received + adjusted = on hand + shipped,"
        " and for every order captured - refunded = what its state says, in every part."
    )
