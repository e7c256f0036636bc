"""A fault is named in one line."""

from __future__ import annotations

import pytest

from kit.faults import one_line, origin


def test_a_group_is_named_by_its_first_fault() -> None:
    group = ExceptionGroup("both", [ValueError("one"), KeyError("other")])
    assert one_line(group) == "ValueError: one"


def test_a_long_message_is_cut() -> None:
    assert len(one_line(ValueError("x" * 10_000))) < 400


def test_the_origin_is_the_line_that_raised() -> None:
    with pytest.raises(ValueError, match="here") as caught:
        raise ValueError("here")
    assert origin(caught.value) == f"{__file__}:{caught.traceback[-1].lineno + 1}"
