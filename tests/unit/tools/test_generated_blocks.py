from __future__ import annotations

from pathlib import Path

import pytest

from tools.generated_blocks import WrongBlocks, filled, write_or_check

PAGE = """Before.

<!-- generated: a -->
<!-- end -->

Between.

<!-- generated: b -->

old

<!-- end -->

After.
"""
FILLED = """Before.

<!-- generated: a -->

one\\1

<!-- end -->

Between.

<!-- generated: b -->

two

<!-- end -->

After.
"""
BLOCKS = {"a": "one\\1", "b": "two"}


def test_filling_replaces_the_blocks_and_keeps_the_prose() -> None:
    assert filled(PAGE, BLOCKS) == FILLED
    assert filled(FILLED, BLOCKS) == FILLED


@pytest.mark.parametrize("blocks", [{"a": "one"}, {**BLOCKS, "c": "three"}])
def test_a_page_without_exactly_these_blocks_is_refused(blocks: dict[str, str]) -> None:
    with pytest.raises(WrongBlocks, match=r"it has the blocks \['a', 'b'\], and needs "):
        filled(PAGE, blocks)


def test_check_compares_and_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "PAGE.md"
    file.write_text(PAGE)
    message = "PAGE.md is out of date: run `python -m tools.page`"
    assert write_or_check(file, BLOCKS, "tools.page", ["--check"]) == message
    assert file.read_text() == PAGE
    assert write_or_check(file, BLOCKS, "tools.page", []) == 0
    assert file.read_text() == FILLED
    assert write_or_check(file, BLOCKS, "tools.page", ["--check"]) == 0
