from __future__ import annotations

from pathlib import Path

import pytest
from graphql import build_schema, parse, validate

from api import print_schema
from cli.documents import document, operations

ROOT = Path(__file__).parents[3] / "graphql"


def test_the_printed_schema_is_up_to_date() -> None:
    assert print_schema.main(["--check"]) == 0


def test_a_printed_schema_that_differs_fails_the_check_with_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(print_schema, "FILE", tmp_path / "schema.graphql")

    assert print_schema.main(["--check"]) == (
        "schema.graphql is out of date: run `python -m api.print_schema`"
    )
    assert print_schema.main([]) == 0
    assert print_schema.main(["--check"]) == 0


@pytest.mark.parametrize("name", operations())
def test_an_operation_fits_the_schema(name: str) -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text())

    assert [error.message for error in validate(schema, parse(document(name)))] == []
