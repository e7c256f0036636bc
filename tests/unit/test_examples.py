"""The examples are programs of other teams: they use none of our code."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
THEIRS = {"confluent_kafka", "nats", "standardwebhooks"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_imports_one_library_and_the_standard_library(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])

    assert len(imported & THEIRS) == 1
    assert imported - THEIRS <= sys.stdlib_module_names


def test_there_is_an_example_for_each_broker_and_for_webhooks() -> None:
    assert [path.stem for path in EXAMPLES] == ["follow_kafka", "follow_nats", "receive_webhook"]
