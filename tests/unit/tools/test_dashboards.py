from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import dashboards
from tools.dashboards import WIDTH, laid_out, main

PANEL = {"title": "Relay", "id": 1, "targets": [{"refId": "A", "expr": "x" * WIDTH}], "links": []}
LAID_OUT = f"""\
{{
  "id": 1,
  "links": [],
  "targets": [
    {{
      "expr": "{"x" * WIDTH}",
      "refId": "A"
    }}
  ],
  "title": "Relay"
}}
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(dashboards, "FOLDER", tmp_path)
    return tmp_path / "bus.json"


def test_a_value_that_fits_is_on_one_line_with_sorted_keys() -> None:
    assert laid_out({"y": 1, "x": [None, True, "é"]}) == '{"x": [null, true, "é"], "y": 1}'


def test_a_line_is_never_wider_than_the_width_if_it_can_be_broken() -> None:
    value = {"a": [{"b": "c" * 30, "d": list(range(20))}] * 9}

    assert max(map(len, laid_out(value).splitlines())) <= WIDTH
    assert json.loads(laid_out(value)) == value


def test_a_file_is_laid_out(file: Path) -> None:
    file.write_text(json.dumps(PANEL))

    assert main([]) == 0
    assert file.read_text() == LAID_OUT
    assert main(["--check"]) == 0


def test_a_check_names_the_file_that_is_laid_out_otherwise_and_leaves_it(file: Path) -> None:
    file.write_text(json.dumps(PANEL))

    assert main(["--check"]) == ("bus.json: laid out otherwise, run `python -m tools.dashboards`")
    assert file.read_text() == json.dumps(PANEL)
