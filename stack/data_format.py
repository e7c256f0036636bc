"""The stored format of a data folder: its database, and Temporal's own file beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from stored_format import STORED_FORMAT, require_stored_format

FILE: Final = "stored_format"


def claim(data_dir: Path) -> None:
    """Write this code's stored format into a folder without data; check it in any other.

    Raises OtherStoredFormatError.
    """
    file = data_dir / FILE
    if not (data_dir / "postgres").exists():
        file.write_text(f"{STORED_FORMAT}\n")
        return
    advice = "clear it with `make clean-data`, or set WAYBILL_DATA_DIR to another folder"
    require_stored_format(f"the data folder {data_dir}", _read(file), advice)


def _read(file: Path) -> int | None:
    try:
        return int(file.read_text())
    except (FileNotFoundError, ValueError):
        return None
