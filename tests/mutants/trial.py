"""Run tests in a copy of the tree that carries a mutant."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from stack.processes import ROOT
from tests.mutants.mutant import Mutant

MAX_SECONDS: Final = 600.0

_TESTS_FAILED: Final = 1


class Verdict(StrEnum):
    KILLED = "killed"
    SURVIVED = "survived"
    INVALID = "invalid"
    """The patch does not apply, or the test did not run: this shows nothing about the test."""


@dataclass(frozen=True)
class Run:
    """The output and the exit code of pytest."""

    code: int
    output: str

    @property
    def failed(self) -> bool:
        """Return whether a test failed: an error in a fixture or a module is no failure."""
        lines = self.output.splitlines()
        return self.code == _TESTS_FAILED and any(line.startswith("FAILED ") for line in lines)


@dataclass(frozen=True)
class Trial:
    mutant: Mutant
    verdict: Verdict
    output: str


def try_mutant(mutant: Mutant, tree: Path) -> Trial:
    """Run the mutant's test in a copy of this tree that carries the mutant."""
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        copy = Path(shutil.copytree(tree, folder, symlinks=True, dirs_exist_ok=True))
        applied = apply_patch(mutant.patch, copy)
        if applied.returncode:
            return Trial(mutant, Verdict.INVALID, applied.stderr)
        run = run_tests([mutant.test], copy)
    return Trial(mutant, _verdict(run), run.output)


def _verdict(run: Run) -> Verdict:
    if run.failed:
        return Verdict.KILLED
    return Verdict.SURVIVED if run.code == 0 else Verdict.INVALID


@contextmanager
def copied_tree() -> Iterator[Path]:
    """Copy the files that git would commit, with their changes, into a temporary folder."""
    git = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(git, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603
    with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
        tree = Path(folder)
        for name in listed.stdout.split("\0"):
            if (ROOT / name).is_file() or (ROOT / name).is_symlink():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, tree / name, follow_symlinks=False)
        yield tree


def apply_patch(patch: Path, tree: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = ("git", "apply", *options, str(patch))
    return subprocess.run(command, cwd=tree, check=False, capture_output=True, text=True)  # noqa: S603


def run_tests(node_ids: Iterable[str], tree: Path) -> Run:
    """Run these tests on the code of this tree: PYTHONPATH precedes the editable install."""
    path = os.pathsep.join((str(tree), str(tree / "graphql")))
    try:
        done = subprocess.run(  # noqa: S603 - our own tests
            (sys.executable, "-m", "pytest", "-q", *node_ids),
            cwd=tree,
            env={**os.environ, "PYTHONPATH": path},
            check=False,
            capture_output=True,
            text=True,
            timeout=MAX_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return Run(-1, f"pytest did not end in {MAX_SECONDS:g} s")
    return Run(done.returncode, done.stdout + done.stderr)
