"""Start child processes that end even when the tests are killed."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from stack.guardian import Guardian


@contextmanager
def guarded(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    folder: Path | None = None,
    output: IO[str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run the command until the end of the block, and kill it there if it still runs."""
    guardian = Guardian()
    process = subprocess.Popen(  # noqa: S603 - the tests' own commands
        guardian.watched(command, signal.SIGKILL),
        stdin=guardian.pipe,
        stdout=output,
        stderr=None if output is None else subprocess.STDOUT,
        env=environment,
        cwd=folder,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        guardian.forget(process.pid)
        guardian.close()
