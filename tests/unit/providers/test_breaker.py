from __future__ import annotations

from datetime import timedelta
from typing import Final

import pytest

from observability.work import REGISTRY
from providers.breaker import PAYMENTS, Breaker, BreakerLimits
from providers.errors import ProviderPaused, ProviderRefused, ProviderUnavailable

LIMITS: Final = BreakerLimits(calls=20, failure_rate=0.5, pause=timedelta(seconds=5))
OUTAGE: Final = ProviderUnavailable(PAYMENTS, "get", "timeout", is_outage=True)
BUSY: Final = ProviderUnavailable(PAYMENTS, "get", "http_429")
REFUSED: Final = ProviderRefused(PAYMENTS, "get", "card_declined", 402)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0
        self.jitter = 0.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(PAYMENTS, LIMITS, clock=lambda: clock.now, jitter=lambda: clock.jitter)


def call(breaker: Breaker, error: Exception | None = None) -> None:
    with breaker.guarding("get"):
        if error is not None:
            raise error


def fail(breaker: Breaker, error: Exception, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(type(error)):
            call(breaker, error)


def opened(breaker: Breaker) -> None:
    fail(breaker, OUTAGE, 20)
    assert breaker.is_open


def paused(breaker: Breaker) -> ProviderPaused:
    with pytest.raises(ProviderPaused) as refused:
        call(breaker)
    return refused.value


def shown() -> float | None:
    return REGISTRY.get_sample_value("waybill_provider_breaker_open", {"provider": PAYMENTS})


def test_fewer_calls_than_the_limit_open_no_breaker(breaker: Breaker) -> None:
    fail(breaker, OUTAGE, 19)
    assert (breaker.is_open, breaker.problem, shown()) == (False, None, 0)


def test_the_rate_of_outages_among_the_latest_calls_opens_it(
    breaker: Breaker, clock: Clock
) -> None:
    for _ in range(30):
        call(breaker)
    fail(breaker, OUTAGE, 9)
    assert not breaker.is_open

    with pytest.raises(ProviderPaused):
        call(breaker, OUTAGE)

    clock.now += 3
    assert breaker.is_open
    assert breaker.problem == "paused for 3 s: it answers too few calls"
    assert shown() == 1


@pytest.mark.parametrize("answer", [BUSY, REFUSED])
def test_a_refusal_is_an_answer(breaker: Breaker, answer: Exception) -> None:
    fail(breaker, answer, 100)
    assert not breaker.is_open


def test_an_open_breaker_sends_no_call_before_its_probe_is_due(
    breaker: Breaker, clock: Clock
) -> None:
    opened(breaker)
    clock.now += 4.9

    first = paused(breaker)

    assert (first.reason, first.is_outage) == ("paused", True)
    assert first.retry_after_seconds == pytest.approx(0.1 + 5)
    with pytest.raises(ProviderPaused):
        breaker.require_closed("authorize")


def test_an_answered_probe_closes_it_and_old_calls_no_longer_count(
    breaker: Breaker, clock: Clock
) -> None:
    opened(breaker)
    clock.now += 5

    call(breaker)

    assert (breaker.is_open, shown()) == (False, 0)
    fail(breaker, OUTAGE, 19)
    assert not breaker.is_open


@pytest.mark.parametrize("answer", [BUSY, REFUSED])
def test_a_probe_that_is_refused_is_answered(
    breaker: Breaker, clock: Clock, answer: Exception
) -> None:
    opened(breaker)
    clock.now += 5
    fail(breaker, answer)
    assert not breaker.is_open


def test_a_probe_that_meets_the_outage_pauses_the_calls_again(
    breaker: Breaker, clock: Clock
) -> None:
    opened(breaker)
    clock.now += 5
    with pytest.raises(ProviderPaused):
        call(breaker, OUTAGE)

    clock.now += 4.9
    paused(breaker)
    clock.now += 0.1
    call(breaker)
    assert not breaker.is_open


def test_one_probe_at_a_time_is_sent(breaker: Breaker, clock: Clock) -> None:
    opened(breaker)
    clock.now += 5
    with breaker.guarding("get"):
        paused(breaker)
    call(breaker)
    assert not breaker.is_open


def test_a_probe_that_was_cancelled_leaves_its_place_to_the_next_call(
    breaker: Breaker, clock: Clock
) -> None:
    opened(breaker)
    clock.now += 5
    with pytest.raises(KeyboardInterrupt), breaker.guarding("get"):
        raise KeyboardInterrupt
    assert breaker.is_open

    call(breaker)

    assert not breaker.is_open


def test_a_call_that_began_before_the_outage_neither_closes_nor_prolongs_it(
    breaker: Breaker, clock: Clock
) -> None:
    slow, late = breaker.guarding("get"), breaker.guarding("get")
    slow.__enter__()
    late.__enter__()
    opened(breaker)
    clock.now += 1

    slow.__exit__(None, None, None)
    with pytest.raises(ProviderPaused):
        late.__exit__(type(OUTAGE), OUTAGE, None)

    assert breaker.is_open
    clock.now += 4
    call(breaker)
    assert not breaker.is_open


def test_the_pauses_are_random_between_one_and_two_of_the_setting(
    breaker: Breaker, clock: Clock
) -> None:
    clock.jitter = 1.0
    opened(breaker)
    clock.now += 9.9

    assert paused(breaker).retry_after_seconds == pytest.approx(0.1 + 10)
    clock.now += 0.1
    call(breaker)
    assert not breaker.is_open


def test_calls_that_wait_come_back_at_different_times() -> None:
    breaker = Breaker(PAYMENTS, LIMITS)
    opened(breaker)

    delays = sorted(paused(breaker).retry_after_seconds for _ in range(400))

    assert delays[0] >= 5
    assert delays[-1] <= 20
    in_a_second = max(sum(1 for d in delays if second <= d < second + 1) for second in range(20))
    assert in_a_second < 150
