from __future__ import annotations

from collections import Counter
from datetime import timedelta
from random import Random
from typing import Final

import pytest
from temporalio import workflow

from workflows.parking import spread

RETRY: Final = timedelta(minutes=15)


def of_workflow(monkeypatch: pytest.MonkeyPatch, seed: int) -> timedelta:
    """Return the pause before a retry, in a workflow with this seed."""
    monkeypatch.setattr(workflow, "random", lambda: Random(seed))  # noqa: S311 - as the SDK's
    return spread(RETRY)


def test_the_retries_of_many_parked_orders_are_spread_over_the_whole_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses = [of_workflow(monkeypatch, seed) for seed in range(1000)]

    assert min(pauses) >= timedelta(minutes=7.5)
    assert max(pauses) <= timedelta(minutes=22.5)
    in_a_second = Counter(pause // timedelta(seconds=1) for pause in pauses)
    assert max(in_a_second.values()) <= 10
    in_a_minute = Counter(pause // timedelta(minutes=1) for pause in pauses)
    assert len(in_a_minute) == 16


def test_a_replayed_workflow_pauses_for_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    assert of_workflow(monkeypatch, 7) == of_workflow(monkeypatch, 7)
