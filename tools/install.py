"""Install a lock file with pip and print its progress; `make` runs it by the new environment.

It runs before anything is installed: the standard library is all that it may use.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import Final

SECONDS_BETWEEN_LINES: Final = 3.0
TAIL_LINES: Final = 15
PIP: Final = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install")


def main(lock: Path) -> int:
    """Install all packages of the lock; return pip's exit code."""
    packages = len(re.findall(r"^[\w.\[\]-]+==", lock.read_text(), re.MULTILINE))
    began = time.monotonic()
    command = [*PIP, "--progress-bar", "off", "--require-hashes", "--requirement", str(lock)]
    with subprocess.Popen(  # noqa: S603 - our own words
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        assert pip.stdout  # noqa: S101 - it is a pipe
        tail = _follow(pip.stdout, packages)
    if pip.returncode:
        sys.stderr.writelines(tail)
    else:
        _say(f"installed in {time.monotonic() - began:.0f} s")
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
