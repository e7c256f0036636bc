"""The blocks of docs/SAGAS.md show every step and undo of the plans."""

from __future__ import annotations

from pathlib import Path

import pytest

from domain.saga.plan import ORDER_PLAN, RETURN_PLAN
from tools import saga_catalogue
from tools.saga_catalogue import blocks, main


def first_column(table: str) -> list[str]:
    return [line.split("`")[1] for line in table.split("\n") if line.startswith("| `")]


def test_the_tables_list_every_step_and_every_undo_in_order() -> None:
    shown = blocks()
    undos = [step.undo.name for step in reversed(ORDER_PLAN) if step.undo]
    assert first_column(shown["order-steps"]) == [step.name for step in ORDER_PLAN]
    assert first_column(shown["return-steps"]) == [step.name for step in RETURN_PLAN]
    assert first_column(shown["order-undos"]) == undos


def test_a_step_is_shown_with_its_undo_its_times_and_what_its_failure_does() -> None:
    rows = {row.split("`")[1]: row for row in blocks()["order-steps"].split("\n")[2:]}
    assert rows["create_shipment"].endswith(
        "| `cancel_shipment` |  | `WAYBILL_PROVIDER_TIMEOUT` (10 min) "
        "| compensates: `SHIPMENT_FAILED` |"
    )
    assert rows["await_return"].endswith("|  | `WAYBILL_RETURN_WINDOW` (30 d) |  | parks |")


def test_the_picture_shows_parallel_undos_side_by_side() -> None:
    lines = [line.strip() for line in blocks()["order-picture"].split("\n")]
    undos = [step.undo for step in reversed(ORDER_PLAN) if step.undo]
    parallel = " & ".join(undo.name for undo in undos if undo.parallel)
    assert "await_dispatch --> capture" in lines
    assert parallel.startswith("give_back & ")
    assert f"cancel_shipment ==> {parallel}" in lines
    assert f'{parallel} ==> back(["CANCELLED"])' in lines


def test_writing_the_blocks_keeps_the_prose_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "SAGAS.md"
    file.write_text(saga_catalogue.FILE.read_text().replace("# Sagas", "# Our sagas", 1))
    monkeypatch.setattr(saga_catalogue, "FILE", file)
    file.write_text(file.read_text().replace("| `reserve` |", "| `hold` |"))

    advice = "SAGAS.md is out of date: run `python -m tools.saga_catalogue`"
    assert main(["--check"]) == advice
    assert main([]) == 0
    assert main(["--check"]) == 0
    assert file.read_text().startswith("# Our sagas\n")
