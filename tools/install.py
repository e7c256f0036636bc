"""Make the virtual environment, with the locked packages and the project: `make` runs it.

uv fetches many packages at once, and pip one after another. Where uv cannot, because only pip knows
the index or because there is no uv for the machine, pip does it.

It runs before anything is installed: the standard library is all that it may use. It prints to
stderr, so that `TOKEN=$(make -s token)` holds the token alone.
"""

from __future__ import annotations

import fcntl
import re
import subprocess
import sys
import tempfile
import time
import venv
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
LOCK: Final = ROOT / "locks" / "development.lock"
PROJECT: Final = ROOT / "pyproject.toml"
SECONDS_BETWEEN_LINES: Final = 3.0
TAIL_LINES: Final = 15
HASHED: Final = ("--require-hashes", "--requirement")


def main(environment: Path) -> int:
    """Make what is missing or older than its source; return the exit code."""
    packages, project = environment / "locked", environment / "installed"
    with _alone():
        if _is_older(packages, LOCK):
            _say(f"Setting up {environment}, once for each change of the lock: half a minute ...")
            venv.create(environment, clear=True, symlinks=True, with_pip=True)
            if code := _install_packages(environment):
                return code
            packages.touch()
        if _is_older(project, packages, PROJECT):
            options = ("--quiet", "--quiet", "--no-deps", "--no-build-isolation", "--editable")
            if not _succeeds(*_pip(environment), *options, str(ROOT)):
                return 1
            project.touch()
    return 0


@contextmanager
def _alone() -> Iterator[None]:
    """Wait for another `make` that sets up the same environment."""
    with LOCK.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("Waiting for another make, which sets up the environment ...")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _is_older(made: Path, *sources: Path) -> bool:
    return not made.exists() or any(
        source.stat().st_mtime_ns > made.stat().st_mtime_ns for source in sources
    )


def _install_packages(environment: Path) -> int:
    began = time.monotonic()
    code = 0 if _with_uv(environment) else _with_pip(environment)
    if not code:
        _say(f"  installed in {time.monotonic() - began:.0f} s")
    return code


def _pip(environment: Path) -> tuple[str, ...]:
    return (str(_python(environment)), "-m", "pip", "--disable-pip-version-check", "install")


def _python(environment: Path) -> Path:
    return environment / "bin" / "python"


def _with_uv(environment: Path) -> bool:
    """Install uv by pip, then all packages by uv; return whether both could."""
    python = str(_python(environment))
    with tempfile.TemporaryDirectory() as made:
        alone = Path(made, "uv.lock")
        alone.write_text(locked(LOCK.read_text(), "uv"))
        if not _succeeds(*_pip(environment), "--quiet", *HASHED, str(alone)):
            return False
    _say("  fetching many packages at once")
    uv = (python, "-m", "uv", "pip", "install", "--python", python)
    return _succeeds(*uv, "--quiet", "--compile-bytecode", *HASHED, str(LOCK))


def locked(lock: str, package: str) -> str:
    """Return the lines of the lock that are about this package."""
    found = re.search(rf"^{re.escape(package)}==.*(?:\n    .*)*\n", lock, re.MULTILINE)
    return found[0] if found else ""


def _succeeds(*command: str) -> bool:
    return subprocess.run(command, check=False).returncode == 0  # noqa: S603 - our own words


def _with_pip(environment: Path) -> int:
    packages = len(re.findall(r"^[\w.\[\]-]+==", LOCK.read_text(), re.MULTILINE))
    command = [*_pip(environment), "--progress-bar", "off", *HASHED, str(LOCK)]
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
            _say(f"  {fetched} packages fetched; installing them, which takes some seconds")
            is_fetching = False
        elif is_fetching and time.monotonic() - said > SECONDS_BETWEEN_LINES:
            said = time.monotonic()
            _say(f"  {fetched} of {packages} packages fetched")
    return tail


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
