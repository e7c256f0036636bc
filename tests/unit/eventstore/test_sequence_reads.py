from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]
SHIPPED = ("activities", "demo", "eventbus", "eventstore", "graphql", "migrations",
           "notifications", "projections", "queries", "workflows")  # fmt: skip
TORN_READ = re.compile(r"(FROM|JOIN)\s+eventstore\.event_position\b", re.IGNORECASE)


def test_no_statement_reads_the_sequence_as_a_table() -> None:
    files = [file for folder in SHIPPED for file in (ROOT / folder).rglob("*.*")]
    texts = {file: file.read_text() for file in files if file.suffix in {".py", ".sql"}}
    assert len(texts) > 100

    assert [file.name for file, text in texts.items() if TORN_READ.search(text)] == []
