from __future__ import annotations

import pytest

from kit.recent import Recent


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
