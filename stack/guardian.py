"""Start the guardian process, and report the stack's children to it over a pipe."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

_SCRIPT = Path(__file__).with_name("guardian_process.py")

# $0 is the stop signal. The child reports itself, so no crash can leave it unreported.
_ADD_THEN_RUN = 'echo "add $$ $0" >&0 && exec "$@" </dev/null'


class Guardian:
    """Ends every child after this process has ended in any way. Holds `kept_open` until then."""

    def __init__(self, kept_open: Sequence[int] = ()) -> None:
        read_end, self.pipe = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own script
                [sys.executable, "-I", "-S", str(_SCRIPT)],
                stdin=read_end,
                stdout=subprocess.DEVNULL,
                pass_fds=kept_open,
                start_new_session=True,
            )
        finally:
            os.close(read_end)

    @staticmethod
    def watched(command: Sequence[str], stop_signal: int) -> list[str]:
        """Return a command that reports itself and runs `command`. Its stdin must be `pipe`."""
        return ["/bin/sh", "-c", _ADD_THEN_RUN, str(int(stop_signal)), *command]

    def forget(self, pid: int) -> None:
        os.write(self.pipe, f"gone {pid}\n".encode())

    def close(self) -> None:
        """End the remaining children, then the guardian."""
        os.close(self.pipe)
        self._process.wait()
