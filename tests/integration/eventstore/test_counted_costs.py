"""Count the costs of an append: these figures do not vary from machine to machine."""

from __future__ import annotations

from benchmarks.eventstore.counted import (
    STATEMENTS_LIMIT,
    WAL_BYTES_LIMIT,
    statements,
    wal_bytes,
)
from benchmarks.eventstore.sample import data_json, metadata_json, new_events


async def test_an_append_of_one_event_is_one_statement(owner_url: str) -> None:
    assert await statements(owner_url) == STATEMENTS_LIMIT == 1


async def test_an_append_of_one_event_writes_the_least_log(database_url: str) -> None:
    assert 300 < await wal_bytes(database_url) <= WAL_BYTES_LIMIT


def test_the_peers_of_the_benchmarks_write_the_same_bytes() -> None:
    (new,) = new_events("o1")

    assert data_json("o1").decode() == new.event.model_dump_json()
    assert metadata_json("o1").decode() == new.metadata.model_dump_json(exclude_none=True)
