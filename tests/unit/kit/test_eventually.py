from __future__ import annotations

from collections.abc import Callable

import pytest

from kit.eventually import eventually


def third_time() -> Callable[[], bool]:
    answers = iter([False, False, True])
    return lambda: next(answers)


async def test_a_fact_is_looked_at_until_it_holds() -> None:
    answers = iter([False, False, True, False])

    await eventually(lambda: next(answers), every=0)

    assert list(answers) == [False]


async def test_an_answer_that_must_be_waited_for_is_waited_for() -> None:
    is_so = third_time()
    looks = 0

    async def fact() -> str:
        nonlocal looks
        looks += 1
        return "yes" if is_so() else ""

    await eventually(fact, None, every=0)

    assert looks == 3


async def test_a_fact_that_never_holds_is_waited_for_no_longer_than_given() -> None:
    with pytest.raises(TimeoutError):
        await eventually(lambda: False, 0.02, every=0)
