from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from domain.payment.hold import DEFAULT_HOLD, relied_on_until

AT: Final = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
DAY: Final = timedelta(days=1)


def test_a_hold_is_relied_on_until_a_tenth_of_it_is_left() -> None:
    assert relied_on_until(AT, AT + 5 * DAY, DEFAULT_HOLD) == AT + 4.5 * DAY


def test_a_hold_without_a_known_end_lasts_as_long_as_the_setting_says() -> None:
    assert relied_on_until(AT, None, 10 * DAY) == AT + 9 * DAY
    assert DEFAULT_HOLD == 7 * DAY


def test_a_hold_that_ended_before_its_authorization_was_recorded_is_over_at_its_end() -> None:
    assert relied_on_until(AT, AT - DAY, DEFAULT_HOLD) == AT - DAY
