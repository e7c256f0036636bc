from __future__ import annotations

import asyncio

import pytest

from kit.bounded_gather import MAX_AT_ONCE, GatherResult, NotStarted, bounded_gather

LONG = 60.0


async def test_the_results_come_in_the_order_of_the_items() -> None:
    async def double(item: int) -> int:
        await asyncio.sleep(0)
        return item * 2

    done = await bounded_gather(range(30), double, seconds=LONG)
    assert list(done.results.items()) == [(item, item * 2) for item in range(30)]
    assert done.left == {}


async def test_at_most_a_few_items_are_in_progress() -> None:
    running, most = 0, 0

    async def work(_: int) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1

    await bounded_gather(range(50), work, seconds=LONG)
    assert most == MAX_AT_ONCE


async def test_a_failed_item_is_reported_and_stops_no_other() -> None:
    async def work(item: int) -> None:
        if item == 3:
            raise ValueError(item)

    done = await bounded_gather(range(20), work, seconds=LONG)

    assert list(done.results) == [item for item in range(20) if item != 3]
    assert {item: str(error) for item, error in done.left.items()} == {3: "3"}
    done.raise_if_nothing_was_done()


async def test_failures_between_successes_never_end_the_gather() -> None:
    async def work(item: int) -> None:
        if item % 2:
            raise ValueError(item)

    done = await bounded_gather(range(60), work, seconds=LONG)
    assert list(done.left) == list(range(1, 60, 2))


async def test_consecutive_failures_stop_the_rest() -> None:
    tried = []

    async def work(item: int) -> None:
        tried.append(item)
        raise ConnectionError(item)

    done = await bounded_gather(range(100), work, seconds=LONG)

    assert tried == list(range(MAX_AT_ONCE))
    assert len(done.left) == 100
    assert isinstance(done.left[99], NotStarted)
    with pytest.raises(ConnectionError, match="0"):
        done.raise_if_nothing_was_done()


async def test_no_item_begins_after_the_time_is_over() -> None:
    async def work(item: int) -> None:
        raise AssertionError(item)

    done = await bounded_gather(range(3), work, seconds=-1)
    assert {type(error) for error in done.left.values()} == {NotStarted}


def test_a_gather_without_items_succeeds() -> None:
    nothing: GatherResult[int, int] = GatherResult()
    nothing.raise_if_nothing_was_done()
