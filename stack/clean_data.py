"""`make clean-data`: clear the data folder of the embedded stack, after asking."""

from __future__ import annotations

import shutil
import sys
from contextlib import ExitStack
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from stack import data_format
from stack.data_dir import LOCK, locked
from stack.errors import StackError

MADE_BY_THE_STACK: Final = (
    *("postgres", "postgres.new", "stack.env", "stack.new", data_format.FILE, LOCK),
    *("temporal.db*", "nats", "logs", "*-simulator.sqlite3*", "mails", "benchmarks"),
    *(".config", ".cache"),  # of Temporal, whose home the folder is
)
"""The names of all that lies in a data folder; whatever else is there is not ours to remove."""

_UNITS: Final = 1_000_000


class NotOursError(StackError):
    def __init__(self, data_dir: Path, name: str) -> None:
        super().__init__(
            f"{data_dir} holds {name}, which the stack did not make: nothing was removed; see "
            "WAYBILL_DATA_DIR"
        )


class NotConfirmedError(StackError):
    def __init__(self) -> None:
        super().__init__("nothing was removed; YES=1 clears the data without asking")


def clean_data(data_dir: Path, is_confirmed: bool) -> str:
    """Remove the data and return what was removed; the empty folder stays, with its lock.

    Raises AlreadyRunningError, NotOursError, NotConfirmedError or DataDirError.
    """
    if not data_dir.exists():
        return f"{data_dir} does not exist: nothing to remove"
    _require_ours(data_dir)
    with ExitStack() as held:
        for folder in (data_dir, data_dir / "benchmarks"):
            if folder.exists():
                held.enter_context(locked(folder, min_free_mb=0))
        found = sorted(path for path in data_dir.iterdir() if path.name != LOCK)
        if not found:
            return f"{data_dir} holds no data: nothing to remove"
        size = sum(map(_size, found))
        if not is_confirmed:
            _ask(f"Remove all data in {data_dir} ({size / _UNITS:.0f} MB)? [y/N] ")
        for path in found:
            _remove(path)
        names = ", ".join(path.name for path in found)
        return f"Removed from {data_dir} ({size / _UNITS:.0f} MB): {names}"


def _require_ours(data_dir: Path) -> None:
    if not data_dir.is_dir():
        raise NotOursError(data_dir.parent, data_dir.name)
    for path in sorted(data_dir.iterdir()):
        if not any(fnmatch(path.name, pattern) for pattern in MADE_BY_THE_STACK):
            raise NotOursError(data_dir, path.name)


def _size(path: Path) -> int:
    paths = [path, *path.rglob("*")] if path.is_dir() else [path]
    return sum(each.lstat().st_size for each in paths)


def _ask(question: str) -> None:
    sys.stdout.write(question)
    sys.stdout.flush()
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise NotConfirmedError


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
