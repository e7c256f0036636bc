"""Lock the data folder, so that one stack at a time uses it."""

from __future__ import annotations

import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psutil

from stack.errors import AlreadyRunningError, DataDirError

# Longer than the guardian needs to end the children of a stack that crashed.
_CRASHED_STACK_SECONDS = 8.0

LOCK: Final = "lock"
MIN_FREE_MB: Final = 200
"""The space for a new PostgreSQL cluster, its first write-ahead log and the processes' logs."""


@contextmanager
def locked(data_dir: Path, *, min_free_mb: int = MIN_FREE_MB) -> Iterator[int]:
    """Hold the folder, made if missing; the lock's file descriptor.

    Raises AlreadyRunningError if another stack holds the lock, DataDirError if it is unusable.
    """
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_room(data_dir, min_free_mb)
        lock = os.open(data_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise DataDirError(data_dir, error.strerror or type(error).__name__) from None
    try:
        _acquire(lock, data_dir)
        os.truncate(lock, 0)
        os.pwrite(lock, str(os.getpid()).encode(), 0)
        yield lock
    finally:
        os.close(lock)


def _require_room(data_dir: Path, min_free_mb: int) -> None:
    free_mb = shutil.disk_usage(data_dir).free // 1_000_000
    if free_mb < min_free_mb:
        reason = f"its disk has {free_mb} MB free, and the stack needs {min_free_mb} MB"
        raise DataDirError(data_dir, reason)


def _acquire(lock: int, data_dir: Path) -> None:
    deadline = time.monotonic() + _CRASHED_STACK_SECONDS
    while not _try(lock):
        holder = int(os.pread(lock, 20, 0) or 0)
        # If the holder has ended, its guardian is still ending its children.
        if _is_running(holder) or time.monotonic() > deadline:
            raise AlreadyRunningError(data_dir, holder or None)
        time.sleep(0.05)


def _try(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_running(pid: int) -> bool:
    try:
        return bool(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
