from __future__ import annotations

import asyncio

import pytest

from kit.recent import Recent, SharedReads


def test_a_value_is_made_once_until_it_is_forgotten() -> None:
    made = iter([1, 2])
    recent: Recent[str, int] = Recent(limit=2)

    assert [recent.get_or_make("a", lambda: next(made)) for _ in range(2)] == [1, 1]
    recent.forget("a")
    recent.forget("never made")
    assert recent.get_or_make("a", lambda: next(made)) == 2


def test_the_value_that_was_used_longest_ago_is_dropped() -> None:
    recent: Recent[str, str] = Recent(limit=2)
    for key in ("a", "b", "a", "c"):
        recent.get_or_make(key, f"first {key}".strip)

    found = [recent.get_or_make(key, lambda: "made again") for key in ("a", "c", "b")]

    assert found == ["first a", "first c", "made again"]


def test_a_value_that_could_not_be_made_is_not_kept() -> None:
    recent: Recent[str, int] = Recent(limit=1)

    with pytest.raises(ZeroDivisionError):
        recent.get_or_make("a", lambda: 1 // 0)

    assert recent.get_or_make("a", lambda: 1) == 1


async def test_callers_at_the_same_time_share_a_read() -> None:
    reads: SharedReads[str, object] = SharedReads(limit=2)
    may_end = asyncio.Event()

    async def read() -> object:
        await may_end.wait()
        return object()

    asking = [asyncio.create_task(reads.read("a", read)) for _ in range(3)]
    asking[0].cancel()
    may_end.set()
    cancelled, first, second = await asyncio.gather(*asking, return_exceptions=True)

    assert isinstance(cancelled, asyncio.CancelledError)
    assert first is second


async def test_a_read_that_failed_is_made_again() -> None:
    reads: SharedReads[str, int] = SharedReads(limit=2)
    answers = iter([0, 1])

    async def read() -> int:
        return 1 // next(answers)

    with pytest.raises(ZeroDivisionError):
        await reads.read("a", read)

    assert await reads.read("a", read) == 1
