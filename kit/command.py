"""Run a command, and end its process with its exit code though threads of libraries still run."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Callable
from typing import Final, NoReturn

Code = int | str | None
"""An exit code as `sys.exit` takes it: a text is printed to standard error, for code 1."""

INTERRUPTED: Final = 130


def run_command(main: Callable[[], Code]) -> NoReturn:
    """Run `main` to its end and leave with its code, as `sys.exit(main())` would."""
    try:
        code = main()
    except SystemExit as leaving:
        code = leaving.code
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BaseException:  # noqa: BLE001 - what Python prints before it ends
        traceback.print_exc()
        code = 1
    leave(code)


def leave(code: Code) -> NoReturn:
    """End this process at once, without finalizing the interpreter.

    A Temporal client cannot be closed. Its Rust threads outlive the event loop, and a thread that
    enters an interpreter which finalizes aborts the process or reads freed memory: exit code 134
    or 139 after all work was done (github.com/temporalio/sdk-python, issue 300). Exit handlers of
    `atexit` do not run.
    """
    if isinstance(code, str):
        sys.stderr.write(f"{code}\n")
    logging.shutdown()
    number = 1 if isinstance(code, str) else code or 0
    os._exit(number if _flushed() else number or 1)


def _flushed() -> bool:
    """Return whether everything that was printed has been written."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):  # the disk is full, or the reader has gone
        return False
    return True
