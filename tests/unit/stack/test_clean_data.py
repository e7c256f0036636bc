from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from stack.clean_data import NotConfirmedError, NotOursError, clean_data
from stack.data_dir import locked
from stack.errors import AlreadyRunningError


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder after a stack has stopped."""
    data = tmp_path / "data"
    (data / "postgres" / "base").mkdir(parents=True)
    (data / "postgres" / "base" / "1").write_bytes(b"x" * 1_500_000)
    for name in ("stack.env", "stored_format", "temporal.db", "temporal.db-wal", "lock"):
        (data / name).write_text("")
    return data


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_it_removes_the_data_says_what_and_does_nothing_the_second_time(data: Path) -> None:
    removed = "postgres, stack.env, stored_format, temporal.db, temporal.db-wal"
    assert clean_data(data, True) == f"Removed from {data} (2 MB): {removed}"
    assert names(data) == ["lock"]
    assert clean_data(data, True) == f"{data} holds no data: nothing to remove"


def test_it_makes_no_folder_that_is_missing(tmp_path: Path) -> None:
    assert clean_data(tmp_path / "data", True).endswith("does not exist: nothing to remove")
    assert names(tmp_path) == []


def test_it_refuses_a_folder_with_a_file_that_the_stack_did_not_make(data: Path) -> None:
    (data / "thesis.tex").write_text("")
    with pytest.raises(NotOursError, match=r"holds thesis\.tex, which the stack did not make"):
        clean_data(data, True)
    assert "postgres" in names(data)


@pytest.mark.parametrize("folder", ["", "benchmarks"])
def test_it_refuses_while_a_stack_or_a_benchmark_runs_there(data: Path, folder: str) -> None:
    with locked(data / folder), pytest.raises(AlreadyRunningError):
        clean_data(data, True)
    assert "postgres" in names(data)


@pytest.mark.parametrize(("answer", "is_removed"), [("y\n", True), ("n\n", False), ("", False)])
def test_it_asks_first(
    data: Path, monkeypatch: pytest.MonkeyPatch, answer: str, is_removed: bool
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(answer))
    if is_removed:
        clean_data(data, False)
    else:
        with pytest.raises(NotConfirmedError):
            clean_data(data, False)
    assert (data / "postgres").exists() is not is_removed


def test_it_leaves_what_a_link_in_the_folder_points_at(data: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "file").touch()
    (data / "logs").symlink_to(tmp_path / "elsewhere")
    clean_data(data, True)
    assert names(data) == ["lock"]
    assert names(tmp_path / "elsewhere") == ["file"]
