"""Run the command line: `waybill`, or `python -m cli`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

import typer

from cli import output
from cli.app import app
from cli.errors import CommandFailed, ExitCode
from kit.command import run_command


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code. Messages go to standard error."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = _run(arguments)
        output.flush()
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except output.ReaderGone:
        _drop_output()
        return ExitCode.BROKEN_PIPE
    except OSError as error:
        _drop_output()
        sys.stderr.write(f"waybill: the output cannot be written: {error.strerror}\n")
        return ExitCode.REFUSED
    return code


def _run(arguments: Sequence[str] | None) -> int:
    command = typer.main.get_command(app)
    try:
        code = command.main(arguments, prog_name="waybill", standalone_mode=False)
    except CommandFailed as failed:
        output.note(str(failed))
        return failed.exit_code
    except typer.TyperException as usage:
        _show(usage)
        return usage.exit_code
    except typer.Abort:
        output.note("nothing was changed")
        return ExitCode.REFUSED
    return code if isinstance(code, int) else ExitCode.OK


def _show(usage: typer.TyperException) -> None:
    """Print the error as typer prints it, with the usage of its command."""
    show = getattr(usage, "show", None)  # typer has no public name for the errors that have it
    if show is None:
        output.note(usage.format_message())
    else:
        show()


def _drop_output() -> None:
    """Let the interpreter end without another attempt to write what nobody reads."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run() -> NoReturn:
    """Run the installed program."""
    run_command(main)


if __name__ == "__main__":
    run_command(main)
