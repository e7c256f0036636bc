"""Run each mutant against the test that must fail on it: `make mutants [ARGS="-k name"]`.

First all of these tests run without a mutant, and must pass. Exit code 1 says that a mutant
survived, that its patch no longer applies, or that its test could not run.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from kit.command import run_command
from tests.mutants.mutant import Mutant, MutantError, patches, read_mutant
from tests.mutants.trial import Trial, Verdict, copied_tree, run_tests, try_mutant

_TAIL_LINES: Final = 25


def main() -> int | str:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("-k", default="", metavar="NAME", help="a part of the names to run")
    part = parser.parse_args().k
    try:
        mutants = [mutant for mutant in map(read_mutant, patches()) if part in mutant.name]
    except MutantError as error:
        return f"mutants: {error}"
    if not mutants:
        return f"mutants: no name contains {part}"
    with copied_tree() as tree:
        return _fault_of_tests(mutants, tree) or _run(mutants, tree)


def _fault_of_tests(mutants: Iterable[Mutant], tree: Path) -> str | None:
    """Return the fault, if the tests do not pass without a mutant."""
    tests = sorted({mutant.test for mutant in mutants})
    _print(f"Running {len(tests)} tests without a mutant ...")
    run = run_tests(tests, tree)
    return f"{_tail(run.output)}\nmutants: a test fails without a mutant" if run.code else None


def _run(mutants: Sequence[Mutant], tree: Path) -> int:
    """Try each mutant. The first run has compiled the modules, and the copies keep that."""
    trials = []
    for number, mutant in enumerate(mutants, start=1):
        began = time.monotonic()
        trial = try_mutant(mutant, tree)
        took = time.monotonic() - began
        trials.append(trial)
        _print(f"{number:>4}/{len(mutants)} {trial.verdict:<8} {took:5.1f} s  {mutant.name}")
    _print(report(trials))
    return int(any(trial.verdict is not Verdict.KILLED for trial in trials))


def report(trials: Iterable[Trial]) -> str:
    """Describe each mutant that its test did not kill, then count the verdicts of each area."""
    trials = list(trials)
    counts = Counter((trial.mutant.area, trial.verdict) for trial in trials)
    rows = [("area", *Verdict)]
    rows += [
        (area, *(str(counts[area, verdict]) for verdict in Verdict))
        for area in sorted({trial.mutant.area for trial in trials})
    ]
    faults = [_described(trial) for trial in trials if trial.verdict is not Verdict.KILLED]
    return "\n".join([*faults, "", *("{:<12}{:>9}{:>10}{:>9}".format(*row) for row in rows)])


def _described(trial: Trial) -> str:
    mutant = trial.mutant
    head = f"\n{mutant.name} {trial.verdict}: {mutant.fault}\n  {mutant.test}"
    return head if trial.verdict is Verdict.SURVIVED else f"{head}\n{_tail(trial.output)}"


def _tail(output: str) -> str:
    return "\n".join(output.splitlines()[-_TAIL_LINES:])


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    run_command(main)
