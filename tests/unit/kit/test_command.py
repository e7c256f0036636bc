"""A command ends with its own code, even while threads of its libraries run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kit.command import INTERRUPTED

ROOT = Path(__file__).parents[3]
RUNS_ALONE = {ROOT / "stack" / "guardian_process.py", ROOT / "tools" / "install.py"}
"""They import nothing of ours: one outlives the process that could, one runs before anything is
installed."""

AS_A_LIBRARY_THAT_ABORTS = """
import atexit, os, sys
from kit.command import run_command

atexit.register(os.abort)  # as a thread of Rust that enters an interpreter which finalizes

def main():
    {body}

run_command(main)
"""


def run(body: str, stdout: str | None = None) -> subprocess.CompletedProcess[str]:
    program = AS_A_LIBRARY_THAT_ABORTS.format(body=body)
    with Path(stdout or "/dev/null").open("w") as output:
        return subprocess.run(  # noqa: S603 - our own interpreter, our own words
            [sys.executable, "-c", program],
            cwd=ROOT,
            stdout=output if stdout else subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )


@pytest.mark.parametrize(
    ("body", "code", "printed", "error"),
    [
        ("print('done')", 0, "done\n", ""),
        ("return 3", 3, "", ""),
        ("return 'no such order'", 1, "", "no such order\n"),
        ("sys.exit('no such order')", 1, "", "no such order\n"),
        ("sys.exit(2)", 2, "", ""),
        ("raise KeyboardInterrupt", INTERRUPTED, "", ""),
    ],
)
def test_a_command_prints_its_output_and_exits_with_its_code(
    body: str, code: int, printed: str, error: str
) -> None:
    ended = run(body)

    assert (ended.returncode, ended.stdout, ended.stderr) == (code, printed, error)


def test_a_command_that_raises_shows_its_traceback_and_exits_with_1() -> None:
    ended = run("raise ValueError('a fault of the program')")

    assert ended.returncode == 1
    assert ended.stderr.endswith("ValueError: a fault of the program\n")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device on this system")
def test_a_command_whose_output_is_lost_does_not_exit_with_0() -> None:
    assert run("print('1 saga recovered')", stdout="/dev/full").returncode == 1


def test_every_program_of_the_checkout_ends_as_a_command() -> None:
    programs = {
        path
        for path in ROOT.rglob("*.py")
        if not any(path.is_relative_to(ROOT / folder) for folder in (".venv", "examples"))
        and "\nif __name__ == " in path.read_text()
    }
    ends_otherwise = {
        path
        for path in programs - RUNS_ALONE
        if "run_command(" not in path.read_text().partition("\nif __name__ == ")[2]
    }
    assert programs > RUNS_ALONE
    assert ends_otherwise == set()
