from __future__ import annotations

import asyncio

import pytest

from kit.kept import Kept


class Maker:
    def __init__(self) -> None:
        self.made = 0
        self.may_end = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self) -> int:
        self.made += 1
        await self.may_end.wait()
        if self.failure is not None:
            raise self.failure
        return self.made


async def test_concurrent_requests_share_one_answer() -> None:
    maker = Maker()
    kept = Kept(maker, seconds=60)
    asking = [asyncio.create_task(kept.get()) for _ in range(100)]
    await asyncio.sleep(0)
    asking[0].cancel()
    maker.may_end.set()

    assert await asyncio.gather(*asking[1:]) == [1] * 99
    assert await kept.get() == 1


async def test_an_old_answer_is_made_again() -> None:
    maker = Maker()
    maker.may_end.set()
    kept = Kept(maker, seconds=0)

    assert [await kept.get(), await kept.get()] == [1, 2]


async def test_a_failure_is_raised_and_not_kept() -> None:
    maker = Maker()
    maker.may_end.set()
    maker.failure = OSError("away")
    kept = Kept(maker, seconds=60)
    with pytest.raises(OSError, match="away"):
        await kept.get()
    maker.failure = None

    assert await kept.get() == 2
