"""Install a lock file and print the progress; `make` runs it by the new environment.

uv fetches many packages at once, and pip one after another. Where uv cannot, because only pip knows
the index or because there is no uv for the machine, pip does it.

It runs before anything is installed: the standard library is all that it may use.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Final

SECONDS_BETWEEN_LINES: Final = 3.0
TAIL_LINES: Final = 15
PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install")
UV: Final = (sys.executable, "-m", "uv", "pip", "install", "--python", sys.executable)
HASHED: Final = ("--require-hashes", "--requirement")


def main(lock: Path) -> int:
    """Install all packages of the lock; return the exit code."""
    began = time.monotonic()
    code = 0 if _with_uv(lock) else _with_pip(lock)
    if not code:
        _say(f"installed in {time.monotonic() - began:.0f} s")
    return code


def _with_uv(lock: Path) -> bool:
    """Install uv by pip, then all packages by uv; return whether both could."""
    with tempfile.TemporaryDirectory() as made:
        alone = Path(made, "uv.lock")
        alone.write_text(locked(lock.read_text(), "uv"))
        if not _succeeds(*PIP, "--quiet", *HASHED, str(alone)):
            return False
    _say("fetching many packages at once")
    return _succeeds(*UV, "--quiet", "--compile-bytecode", *HASHED, str(lock))


def locked(lock: str, package: str) -> str:
    """Return the lines of the lock that are about this package."""
    found = re.search(rf"^{re.escape(package)}==.*(?:\n    .*)*\n", lock, re.MULTILINE)
    return found[0] if found else ""


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 - our own words


def _with_pip(lock: Path) -> int:
    packages = len(re.findall(r"^[\w.\[\]-]+==", lock.read_text(), re.MULTILINE))
    command = [*PIP, "--progress-bar", "off", *HASHED, str(lock)]
    with subprocess.Popen(  # noqa: S603 - our own words
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        assert pip.stdout  # noqa: S101 - it is a pipe
        tail = _follow(pip.stdout, packages)
    if pip.returncode:
        sys.stderr.writelines(tail)
    return pip.returncode


def _follow(output: Iterable[str], packages: int) -> Iterable[str]:
    """Print how far pip has come; return the last lines that it printed."""
    tail: deque[str] = deque(maxlen=TAIL_LINES)
    fetched, is_fetching, said = 0, True, time.monotonic()
    for line in output:
        tail.append(line)
        fetched += line.startswith(("Collecting ", "Processing "))
        if line.startswith("Installing collected packages"):
            _say(f"{fetched} packages fetched; installing them, which takes some seconds")
            is_fetching = False
        elif is_fetching and time.monotonic() - said > SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            _say(f"{fetched} of {packages} packages fetched")
    return tail


def _say(text: str) -> None:
    sys.stdout.write(f"  {text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
