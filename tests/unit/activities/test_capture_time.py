"""The time from a dispatch to its capture is measured, and a late one shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from activities.figures import count_capture
from observability.work import CAPTURE_SECONDS


def captures() -> tuple[float, float]:
    """Return how many captures came within 5 minutes, and how many there were."""
    samples = [sample for metric in CAPTURE_SECONDS.collect() for sample in metric.samples]
    (in_time,) = (s.value for s in samples if s.labels.get("le") == "300.0")
    (all_,) = (s.value for s in samples if s.name.endswith("_count"))
    return in_time, all_


def test_only_a_capture_within_five_minutes_counts_as_in_time() -> None:
    in_time, all_ = captures()

    count_capture(datetime.now(UTC) - timedelta(seconds=299))
    assert captures() == (in_time + 1, all_ + 1)
    count_capture(datetime.now(UTC) - timedelta(seconds=301))
    assert captures() == (in_time + 1, all_ + 2)
    count_capture(datetime.now(UTC) + timedelta(seconds=5))  # PostgreSQL's clock may be ahead
    assert captures() == (in_time + 2, all_ + 3)
