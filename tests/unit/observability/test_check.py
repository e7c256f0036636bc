"""A check probes once at a time, waits a bounded time, and knows the age of its outcome."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from observability import check as module
from observability.check import Check

A_SECOND = timedelta(seconds=1)


class Part:
    """A part to probe: its outcomes are scripted, and it counts its probes."""

    def __init__(self, *answers: str | Exception | None) -> None:
        self.answers, self.asked = list(answers), 0

    async def probe(self) -> str | None:
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


class Clock:
    now = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "monotonic", lambda: clock.now)
    return clock


@pytest.fixture(autouse=True)
def always_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH_SECONDS", 0.0)


async def test_a_part_that_answers_passes() -> None:
    check = Check(Part(None).probe, required=True)
    await check.ask()
    assert check.as_json() == {"status": "ok", "required": True, "age_seconds": 0.0}


@pytest.mark.parametrize(
    ("answer", "detail"),
    [("it lags", "it lags"), (OSError("10.0.0.7 refused"), "no answer (OSError)")],
)
async def test_a_fault_shows_its_detail_and_no_text_of_an_error(
    answer: str | Exception, detail: str
) -> None:
    check = Check(Part(answer).probe, required=False)
    await check.ask()
    assert check.as_json() == {
        "status": "failing",
        "required": False,
        "age_seconds": 0.0,
        "detail": detail,
    }


async def test_the_age_counts_from_the_last_change_of_the_outcome(
    clock: Clock,
) -> None:
    check = Check(Part(None, None, "gone", "gone still").probe, required=True)
    ages = []
    for clock.now in (100.0, 107.0, 110.0, 115.0):
        await check.ask()
        ages.append((check.is_passing, check.as_json()["age_seconds"]))
    assert ages == [(True, 0.0), (True, 7.0), (False, 0.0), (False, 5.0)]


async def test_a_fault_within_the_grace_period_is_shown_and_is_no_failure(
    clock: Clock,
) -> None:
    faults = ["no leader"] * 3
    check = Check(Part(*faults, None, "no leader").probe, required=False, grace=A_SECOND)
    outcomes = []
    for clock.now in (100.0, 100.9, 101.1, 102.0, 103.0):
        await check.ask()
        outcomes.append((check.is_passing, check.detail))
    assert outcomes == [
        (True, "no leader"),
        (True, "no leader"),
        (False, "no leader"),
        (True, None),
        (True, "no leader"),
    ]


async def test_many_concurrent_requests_cause_one_probe() -> None:
    part = Part(None)
    check = Check(part.probe, required=True)
    await asyncio.gather(*(check.ask() for _ in range(50)))
    assert part.asked == 1


async def test_an_answer_is_given_again_while_it_is_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FRESH_SECONDS", 60.0)
    part = Part(None)
    check = Check(part.probe, required=True)
    for _ in range(3):
        await check.ask()
    assert part.asked == 1


async def test_a_probe_that_never_ends_fails_in_time_and_does_not_start_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "PROBE_TIMEOUT", timedelta(seconds=0.01))
    monkeypatch.setattr(module, "MAX_WAIT_SECONDS", 0.05)
    asked, freed = 0, asyncio.Event()

    async def deaf() -> None:
        nonlocal asked
        asked += 1
        while not freed.is_set():
            try:
                await freed.wait()
            except asyncio.CancelledError:
                continue

    check = Check(deaf, required=True)
    for _ in range(3):
        await check.ask()
    assert (asked, check.is_passing, check.detail) == (1, False, "no answer (it hangs)")
    freed.set()
