from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from settings import load_settings
from stack import __main__ as command_line


def test_a_write_that_finds_the_disk_full_names_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(command_line, "run", run)
    monkeypatch.setenv("WAYBILL_DATA_DIR", str(tmp_path))
    load_settings.cache_clear()

    assert command_line.main(["run"]) == 1

    assert capsys.readouterr().err == f"waybill: {tmp_path}: No space left on device\n"
    load_settings.cache_clear()
