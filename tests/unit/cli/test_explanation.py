"""The page of an order, as `waybill orders explain` prints it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cli import output
from cli.commands.explanation import explain_lines, relative
from tests.unit.cli.explanations import an_explanation

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def page(explanation: dict[str, Any]) -> list[str]:
    return [line.text for line in explain_lines(explanation, NOW)]


def test_the_page_tells_the_state_before_the_timeline() -> None:
    assert page(an_explanation()) == [
        "Order W-1 (o1) is CONFIRMED",
        (
            "Now: Waits for the carrier to collect the parcel. Since 5 min 0 s ago."
            " Deadline: in 2 d 1 h."
        ),
        "Money (EUR, minor units)",
        "  total 500, authorized 500, captured 0, refunded 0",
        "  attempt 1: AUTHORIZED, pi_1: authorized 500, captured 0, refunded 0",
        "Stock (pieces)",
        "  mug: ordered 2; reserved 2",
        "Temporal and tracing",
        "  workflow order-o1: RUNNING",
        "  trace 4bf92f3577b34da6a3ce929d0e0e4736",
        "Timeline (UTC)",
        (
            "  2026-03-04 11:54:00.000  CALL          payments: authorize attempt 1: authorized."
            "  [key o1/1/confirm, pi_1]"
        ),
        (
            "  2026-03-04 11:55:00.000  EVENT         The order is confirmed."
            "  [OrderConfirmed, order-o1/4 at 17 by system]"
        ),
    ]


@pytest.mark.parametrize(("is_undo", "choices"), [(False, 4), (True, 3)])
def test_the_page_of_a_parked_order_says_what_to_do(*, is_undo: bool, choices: int) -> None:
    parked = {
        "step": "capture",
        "isUndo": is_undo,
        "since": "2026-03-04T11:00:00+00:00",
        "code": "PROVIDER_REFUSED",
        "message": "no",
        "number": 1,
    }

    lines = page(an_explanation(parked=[parked]))

    at = lines.index("What to do: fix the cause, then choose one:")
    assert lines[at + 1] == "  waybill sagas retry W-1 --step capture --reason ..."
    assert lines[at + 1 + choices] == "Money (EUR, minor units)"


def test_a_page_that_was_cut_says_where_to_go_on() -> None:
    lines = page(an_explanation(isCut=True, continueAfter="p17"))

    assert lines[-1].endswith("waybill events tail --stream STREAM --after p17")


def test_a_text_cannot_control_the_terminal() -> None:
    lines = page(an_explanation(number="W-1\x1b[2J"))

    assert lines[0] == "Order W-1?[2J (o1) is CONFIRMED"


def test_a_file_gets_plain_text(capsys: pytest.CaptureFixture[str]) -> None:
    output.styled(explain_lines(an_explanation(), NOW))

    assert capsys.readouterr().out.splitlines() == page(an_explanation())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "5 s ago"), (65, "in 1 min 5 s"), (-90_061, "1 d 1 h ago"), (0, "0 s ago")],
)
def test_a_time_is_shown_relative_to_now(seconds: int, text: str) -> None:
    at = (NOW + timedelta(seconds=seconds)).isoformat()

    assert relative(at, NOW) == text
