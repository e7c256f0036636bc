from __future__ import annotations

from pathlib import Path

from stack.build import PACKAGES, build_id
from stack.processes import ROOT
from stack.temporal import DEPLOYMENT, SEARCH_ATTRIBUTES
from temporal import versions
from workflows import search_attributes


def sources(folder: Path) -> Path:
    """Build a small checkout."""
    for package in PACKAGES:
        (folder / package / "inner").mkdir(parents=True)
        (folder / package / "inner" / "code.py").write_text("x = 1\n")
    return folder


def test_the_same_sources_have_the_same_id_in_any_folder(tmp_path: Path) -> None:
    here, there = sources(tmp_path / "here"), sources(tmp_path / "there")
    assert build_id(here) == build_id(there)
    assert len(build_id(here)) == 12


def test_any_change_of_a_source_is_another_build(tmp_path: Path) -> None:
    root = sources(tmp_path)
    seen = {build_id(root)}
    for package in PACKAGES:
        (root / package / "inner" / "code.py").write_text("x = 2\n")
        seen.add(build_id(root))
    (root / "workflows" / "inner" / "code.py").rename(root / "workflows" / "inner" / "renamed.py")
    seen.add(build_id(root))
    assert len(seen) == len(PACKAGES) + 2


def test_a_file_outside_the_sources_does_not_change_the_build(tmp_path: Path) -> None:
    root = sources(tmp_path)
    before = build_id(root)
    (root / "workflows" / "notes.txt").write_text("x")
    (root / "graphql").mkdir()
    (root / "graphql" / "app.py").write_text("x")
    assert build_id(root) == before


def test_the_stack_and_the_workers_name_the_deployment_alike() -> None:
    assert DEPLOYMENT == versions.DEPLOYMENT


def test_the_deployment_registers_the_search_attributes_of_workflows() -> None:
    script = (ROOT / "deploy" / "temporal" / "create-namespace.sh").read_text()
    started_with = {
        pair.key.name for pair in search_attributes.at_start("customer-1").search_attributes
    }
    assert started_with == SEARCH_ATTRIBUTES.keys()
    registered = {
        line.split()[1]: line.split()[3] for line in script.splitlines() if "--type" in line
    }
    assert registered == {
        "WaybillStatus": "Keyword",
        "WaybillCustomer": "Keyword",
        "WaybillNeedsAttention": "Bool",
    }
