"""Each mutant still applies to the code, and its test still exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from stack.processes import ROOT
from tests.mutants.__main__ import report
from tests.mutants.mutant import FOLDER, Mutant, MutantError, has_test, patches, read_mutant
from tests.mutants.trial import Run, Trial, Verdict, apply_patch

PASSES = "tests/unit/test_mutants.py::test_a_patch_without_the_name_of_its_test_is_refused"


@pytest.mark.parametrize("patch", patches(), ids=lambda patch: str(patch.relative_to(FOLDER)))
def test_every_mutant_applies_and_names_an_existing_test(patch: Path) -> None:
    mutant = read_mutant(patch)
    applied = apply_patch(patch, ROOT, "--check", "--whitespace=error-all")
    assert applied.returncode == 0, applied.stderr
    assert has_test(mutant.test), f"{mutant.test} does not exist"


def test_the_mutants_cover_every_area() -> None:
    areas = {patch.parent.name for patch in patches()}
    assert {"activities", "domain", "eventbus", "eventstore", "graphql", "workflows"} <= areas


@pytest.mark.parametrize("patch", patches(), ids=lambda patch: str(patch.relative_to(FOLDER)))
def test_every_mutant_is_in_the_folder_of_the_code_that_it_changes(patch: Path) -> None:
    changed = re.findall(r"^\+\+\+ b/(\w+)/", patch.read_text(), re.MULTILINE)
    assert set(changed) == {patch.parent.name}


def test_a_patch_without_the_name_of_its_test_is_refused(tmp_path: Path) -> None:
    patch = tmp_path / "nameless.patch"
    patch.write_text("A check is gone.\n\ndiff --git a/worker.py b/worker.py\n")
    with pytest.raises(MutantError, match="Killed by"):
        read_mutant(patch)


@pytest.mark.parametrize(
    ("node_id", "exists"),
    [
        (PASSES, True),
        (f"{PASSES}[of-one-case]", True),
        (f"{PASSES}_today", False),
        ("tests/unit/test_gone.py::test_a", False),
        ("tests/unit/test_mutants.py", False),
    ],
)
def test_a_test_is_found_by_its_node_id(node_id: str, exists: bool) -> None:
    assert has_test(node_id) is exists


@pytest.mark.parametrize(
    ("code", "line", "failed"),
    [
        (1, "FAILED tests/unit/test_a.py::test_b - assert 1 == 2", True),
        (1, "ERROR tests/unit/test_a.py::test_b - a fixture failed", False),
        (2, "ERROR tests/unit/test_a.py - ImportError", False),
        (0, "1 passed", False),
    ],
)
def test_only_a_failed_test_counts_as_a_failure(code: int, line: str, failed: bool) -> None:
    assert Run(code, f"...\n{line}\n").failed is failed


def test_the_report_describes_a_survivor_and_counts_each_area() -> None:
    killed = Mutant(FOLDER / "domain" / "a.patch", "A limit is gone.", "test_a.py::test_a")
    survivor = Mutant(FOLDER / "graphql" / "b.patch", "A check is gone.", "test_b.py::test_b")
    text = report([Trial(killed, Verdict.KILLED, ""), Trial(survivor, Verdict.SURVIVED, "")])
    assert text.splitlines() == [
        "",
        "graphql/b survived: A check is gone.",
        "  test_b.py::test_b",
        "",
        "area           killed  survived  invalid",
        "domain              1         0        0",
        "graphql             0         1        0",
    ]
