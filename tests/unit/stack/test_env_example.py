from __future__ import annotations

import re
from pathlib import Path

from settings import Settings
from stack.processes import ROOT

EXAMPLE = ROOT / ".env.example"


def test_the_example_lists_every_setting_and_no_other() -> None:
    listed = re.findall(r"^(?:# )?WAYBILL_([A-Z_]+)=", EXAMPLE.read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(name.upper() for name in Settings.model_fields)


def test_the_unchanged_example_changes_no_setting(tmp_path: Path) -> None:
    copied = Settings(_env_file=EXAMPLE)
    assert copied == Settings(_env_file=tmp_path / "none")
