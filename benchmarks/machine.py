"""Describe the hardware and versions behind the figures, without the machine's name."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

_PACKAGES: Final = (
    "asyncpg",
    "dbos",
    "eventsourcing",
    "psycopg",
    "pydantic",
    "temporalio",
    "uvloop",
)
_CPU_INFO: Final = Path("/proc/cpuinfo")


def machine() -> dict[str, str | int]:
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu(),
        "cores": os.cpu_count() or 0,
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
    }


def versions(postgresql: str) -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "postgresql": postgresql,
        **{package: version(package) for package in _PACKAGES},
    }


def _cpu() -> str:
    if not _CPU_INFO.exists():
        return platform.processor()
    names = [line for line in _CPU_INFO.read_text().splitlines() if line.startswith("model name")]
    return names[0].partition(":")[2].strip() if names else platform.processor()
