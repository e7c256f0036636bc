from __future__ import annotations

import asyncio

import pytest

from activities.few_at_a_time import FEW, each


async def test_the_results_come_in_the_order_of_the_items() -> None:
    async def double(item: int) -> int:
        await asyncio.sleep(0)
        return item * 2

    assert await each(range(30), double) == [item * 2 for item in range(30)]


async def test_never_more_than_a_few_are_under_way() -> None:
    under_way, most = 0, 0

    async def work(_: int) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        under_way -= 1

    await each(range(50), work)
    assert most == FEW


async def test_one_that_fails_keeps_none_from_its_turn_and_is_told() -> None:
    done = []

    async def work(item: int) -> None:
        if item == 3:
            raise ValueError(item)
        done.append(item)

    with pytest.raises(ValueError, match="3"):
        await each(range(20), work)
    assert sorted(done) == [item for item in range(20) if item != 3]
