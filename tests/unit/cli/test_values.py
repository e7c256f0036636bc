from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cli.errors import WrongUsage
from cli.values import age, length, moment, money, shown, since, visible

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (2580, "EUR", "25.80 EUR"),
        (2580, "JPY", "2,580 JPY"),
        (2580, "BHD", "2.580 BHD"),
        (-5, "EUR", "-0.05 EUR"),
        (123456789, "USD", "1,234,567.89 USD"),
        (0, "EUR", "0.00 EUR"),
    ],
)
def test_an_amount_is_in_whole_units_of_its_currency(minor: int, currency: str, text: str) -> None:
    assert money({"amount": minor, "currency": currency}) == text
    assert money({"amount": minor}, currency) == text


def test_an_amount_that_is_missing_is_a_dash() -> None:
    assert money(None) == "-"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("2026-01-31T10:30:05.678+01:00", "2026-01-31 09:30:05Z"),
        ("2026-01-31T09:30:05Z", "2026-01-31 09:30:05Z"),
        (None, "-"),
        ("later\x1b", r"later\x1b"),
    ],
)
def test_a_time_is_in_utc_to_the_second(given: str | None, text: str) -> None:
    assert moment(given) == text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("P1D", "1 day"),
        ("P14DT2H", "14 days 2 h"),
        ("PT90M", "90 min"),
        ("PT1M0.5S", "1 min 0.5 s"),
        ("P1Y", "P1Y"),
        ("P", "P"),
        (None, "-"),
    ],
)
def test_a_duration_is_written_as_people_do(given: str | None, text: str) -> None:
    assert length(given) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (0.4, "0 s"), (59.6, "1 min"), (3601, "1 h 1 s"), (273_600, "3 d 4 h")],
)
def test_an_age_has_its_two_largest_units(seconds: float, text: str) -> None:
    assert age(seconds) == text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("2h", "2026-01-31T10:00:00+00:00"),
        ("30m", "2026-01-31T11:30:00+00:00"),
        ("1w", "2026-01-24T12:00:00+00:00"),
        ("2026-01-30", "2026-01-30T00:00:00+00:00"),
        ("2026-01-30T09:30", "2026-01-30T09:30:00+00:00"),
        ("2026-01-30T09:30:00+01:00", "2026-01-30T09:30:00+01:00"),
    ],
)
def test_a_time_is_named_by_an_age_or_a_date(given: str, text: str) -> None:
    assert since(given, NOW) == text


@pytest.mark.parametrize("given", ["", "2", "h", "-2h", "2y", "1234567d", "٣h", "31.1.2026"])
def test_a_text_that_names_no_time_is_refused(given: str) -> None:
    with pytest.raises(WrongUsage, match="is no time: pass an age such as 30m"):
        since(given, NOW)


def test_an_age_before_the_calendar_is_refused() -> None:
    with pytest.raises(WrongUsage, match="is no time"):
        since("999999w", NOW)


def test_a_value_is_one_line_without_control_characters() -> None:
    assert [shown(value) for value in (None, "", True, False, 0, "a\tb")] == [
        *("-", "-", "yes", "no", "0", r"a\tb"),
    ]
    assert visible("\u202eevil\x9b31m\ud800") == r"\u202eevil\x9b31m\ud800"
    assert visible("Zoë 東京 👩‍🚀") == "Zoë 東京 👩‍🚀"
