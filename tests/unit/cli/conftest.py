from __future__ import annotations

from pathlib import Path

import pytest

from cli.__main__ import main
from tests.support.scripted_api import ScriptedApi
from tests.unit.cli.running import TOKEN, Ended, Waybill


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the commands where no file holds a secret."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WAYBILL_DATA_DIR", str(tmp_path / "data"))


@pytest.fixture
def waybill(capsys: pytest.CaptureFixture[str]) -> Waybill:
    """Run a command, against this API with a token if one is named."""

    def run(*arguments: str, at: ScriptedApi | None = None) -> Ended:
        shared = ("--url", at.url, "--token", TOKEN) if at else ()
        code = main([*shared, *arguments])
        printed = capsys.readouterr()
        return Ended(int(code), printed.out, printed.err)

    return run
