from __future__ import annotations

import os
import shutil
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


def test_a_disk_without_room_is_named_with_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage(tmp_path)._replace(free=3_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    with pytest.raises(DataDirError) as caught, locked(tmp_path):
        pass
    assert str(caught.value) == (
        f"cannot use the data folder {tmp_path}: its disk has 3 MB free, and the stack needs "
        "200 MB; see WAYBILL_DATA_DIR"
    )
    assert list(tmp_path.iterdir()) == []
