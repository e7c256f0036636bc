"""The pauses between the retries of a parked step."""

from __future__ import annotations

from datetime import timedelta

from domain.saga.retries import pause_before_retry

FIRST = timedelta(minutes=15)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def retries(within: timedelta, attempt: timedelta = timedelta(0)) -> int:
    """Return the number of retries in this time, when each takes as long as `attempt`."""
    count, parked_for = 0, timedelta(0)
    while (parked_for := parked_for + pause_before_retry(FIRST, parked_for)) <= within:
        count, parked_for = count + 1, parked_for + attempt
    return count


def test_the_first_retry_comes_after_the_time_of_the_setting() -> None:
    assert pause_before_retry(FIRST, timedelta(0)) == FIRST


def test_each_pause_is_as_long_as_the_time_before_it_up_to_a_day() -> None:
    assert pause_before_retry(FIRST, HOUR) == HOUR
    assert pause_before_retry(FIRST, 30 * DAY) == DAY


def test_a_setting_longer_than_a_day_is_kept() -> None:
    assert pause_before_retry(3 * DAY, timedelta(0)) == 3 * DAY


def test_a_step_that_was_parked_in_the_future_waits_for_the_first_time() -> None:
    assert pause_before_retry(FIRST, -HOUR) == FIRST


def test_a_day_has_few_retries_and_a_year_one_for_each_day() -> None:
    assert retries(DAY) == 7
    assert retries(365 * DAY) == 371
    assert retries(365 * DAY, attempt=HOUR) < 365
