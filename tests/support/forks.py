"""Run programs of Waybill in forks of one process that has imported them.

A program takes seconds of a processor to import its libraries, and each of its processes does the
same. A fork has its own environment, arguments, folder, session and output, and runs the program's
main module, as `python` does.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Final

from roles.role import Role
from stack.processes import ROOT

PRELOADED: Final = (
    *("worker", *(f"roles.{role}" for role in Role), "eventbus.nats.connector"),
    *("api.app", "alembic.config", "sqlalchemy.ext.asyncio"),
)


class Fork:
    """A running program, with the methods of `subprocess.Popen` that the tests use."""

    def __init__(self, process: ForkServerProcess) -> None:
        self._process = process
        assert process.pid is not None
        self.pid: int = process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self) -> int:
        self._process.join()
        assert self._process.exitcode is not None
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@dataclass(frozen=True)
class Ended:
    """A command that has ended, with what it printed."""

    code: int
    out: str
    err: str

    @property
    def printed(self) -> str:
        return self.out + self.err


async def ran(
    *arguments: str, environment: Mapping[str, str] | None = None, folder: Path = ROOT
) -> Ended:
    """Run `python <arguments>` to its end, by default with the environment of the tests."""
    given = os.environ if environment is None else environment
    return await asyncio.to_thread(_ran, arguments, given, folder)


def _ran(arguments: tuple[str, ...], environment: Mapping[str, str], folder: Path) -> Ended:
    with TemporaryDirectory() as made:
        output, errors = Path(made, "out"), Path(made, "err")
        files = {"output": output, "errors": errors, "folder": folder}
        with fork(*arguments, environment=environment, **files) as running:
            code = running.wait()
        return Ended(code, output.read_text(), errors.read_text())


@contextmanager
def fork(
    *arguments: str,
    environment: Mapping[str, str],
    output: Path,
    errors: Path | None = None,
    folder: Path = ROOT,
) -> Iterator[Fork]:
    """Run `python <arguments>` until the end of the block, and kill it there if it still runs.

    `errors` is the file for standard error, by default the same as for standard output.
    """
    output.touch()
    process = _forks().Process(
        target=_run, args=(arguments, dict(environment), folder, output, errors), daemon=True
    )
    process.start()
    running = Fork(process)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


@cache
def _forks() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, *PRELOADED])
    return context


def _run(
    arguments: tuple[str, ...],
    environment: dict[str, str],
    folder: Path,
    output: Path,
    errors: Path | None,
) -> None:
    os.setsid()
    Thread(target=_end_with_parent, daemon=True).start()
    _write_to(1, output)
    if errors is None:
        os.dup2(1, 2)
    else:
        _write_to(2, errors)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    is_module, *rest = arguments if arguments[0] == "-m" else ("", *arguments)
    sys.argv[:] = rest
    if is_module:
        sys.modules.pop(rest[0], None)  # it may be imported already, under its own name
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(rest[0], run_name="__main__")


def _write_to(descriptor: int, file: Path) -> None:
    with file.open("wb") as opened:
        os.dup2(opened.fileno(), descriptor)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
