from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from stack.data_dir import locked
from stack.errors import AlreadyRunningError, DataDirError


def test_a_new_folder_is_for_its_owner_only(tmp_path: Path) -> None:
    with locked(tmp_path / "data"):
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_folder_in_use_is_refused_with_the_process_that_uses_it(tmp_path: Path) -> None:
    with locked(tmp_path), pytest.raises(AlreadyRunningError) as caught, locked(tmp_path):
        pass
    assert caught.value.pid == os.getpid()


def test_a_folder_is_free_again_after_use(tmp_path: Path) -> None:
    for _ in range(2):
        with locked(tmp_path):
            pass


def test_a_folder_that_cannot_be_made_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataDirError, match="Not a directory"), locked(tmp_path / "file" / "data"):
        pass
