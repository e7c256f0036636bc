from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from roles.sagas import warn_of_short_holds
from settings import load_settings


def warnings(caplog: pytest.LogCaptureFixture, **times: timedelta) -> list[str]:
    with caplog.at_level(logging.WARNING, logger="roles.sagas"):
        warn_of_short_holds(load_settings().model_copy(update=times))
    return [record.getMessage() for record in caplog.records]


def test_the_default_dispatch_deadline_lies_within_a_hold(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert warnings(caplog) == []


def test_a_dispatch_deadline_that_outlasts_the_hold_is_named_and_not_refused(
    caplog: pytest.LogCaptureFixture,
) -> None:
    week = timedelta(days=7)

    [warning] = warnings(caplog, dispatch_deadline=week, undo_timeout=timedelta(hours=1))

    assert warning == (
        "WAYBILL_DISPATCH_DEADLINE (7 days, 0:00:00) with WAYBILL_UNDO_TIMEOUT (1:00:00) is longer "
        "than WAYBILL_PAYMENT_HOLD (7 days, 0:00:00): customers whose parcels leave late must pay "
        "again"
    )


def test_the_undo_time_counts_as_well(caplog: pytest.LogCaptureFixture) -> None:
    just_within = timedelta(days=7) - timedelta(hours=1)

    assert warnings(caplog, dispatch_deadline=just_within) == []
    assert len(warnings(caplog, dispatch_deadline=just_within + timedelta(seconds=1))) == 1
