from __future__ import annotations

import io

import pytest
from rich.console import Console

from demo.parts import Parts
from demo.play import Ending
from demo.report import percentile, show
from demo.scenarios import ADDRESS_REFUSED, COMPLETED

KEPT = Parts(lines=1000, discount=75, shipping=490, tax=269)
ENDED = Ending(COMPLETED, "o-1", "COMPLETED", 4.0)


def shown(endings: list[Ending], faults: list[str], width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    show(console, endings, 2.0, faults, KEPT)
    output = console.file
    assert isinstance(output, io.StringIO)
    return output.getvalue()


def test_the_table_shows_the_outcomes_of_the_orders_and_their_times() -> None:
    text = shown([ENDED, ENDED], [])
    assert "completed        2   COMPLETED   2 COMPLETED     4.0     4.0" in text
    assert "2 orders in 2.0 s: 1.0 orders a second." in text
    assert "Every order ended as expected." in text
    assert "Stock and money add up" in text
    assert "1000 lines - 75 discount + 490 shipping + 269 tax = 1684." in " ".join(text.split())


def test_a_narrow_terminal_shows_every_figure() -> None:
    text = shown([ENDED, ENDED, Ending(ADDRESS_REFUSED, "o-2", "COMPLETED", 1.0)], [], width=40)
    assert text.startswith("completed: 2 orders\n  2 COMPLETED\n  p50 4.0 s, p95 4.0 s\n")
    assert "address refused: 1 orders\n  1 not so: COMPLETED\n  p50 1.0 s, p95 1.0 s\n" in text
    assert max(map(len, text.splitlines())) <= 40


def test_an_order_with_an_unexpected_end_is_named() -> None:
    text = shown([ENDED, Ending(ADDRESS_REFUSED, "o-2", "COMPLETED", 1.0)], [])
    assert "1 not so: COMPLETED" in text
    assert "order o-2: address refused: COMPLETED" in text
    assert "1 of 2 orders did NOT end as expected." in text


def test_the_right_status_for_the_wrong_reason_is_not_as_expected() -> None:
    assert not Ending(ADDRESS_REFUSED, "o-2", "CANCELLED CUSTOMER_REQUEST", 1.0).is_expected
    assert Ending(ADDRESS_REFUSED, "o-2", "CANCELLED SHIPMENT_FAILED", 1.0).is_expected


def test_discrepancies_are_printed_with_their_facts() -> None:
    text = shown([ENDED], ["SKU TEA: 4 shipped, but the orders sent hold 2"])
    assert "SKU TEA: 4 shipped, but the orders sent hold 2" in text
    assert "Stock and money do NOT add up: 1 discrepancies." in text


@pytest.mark.parametrize(("percent", "value"), [(50, 5.0), (95, 10.0), (10, 1.0), (100, 10.0)])
def test_a_percentile_is_a_measured_value(percent: int, value: float) -> None:
    assert percentile([float(n) for n in range(10, 0, -1)], percent) == value
