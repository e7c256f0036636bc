"""Run the library peer: the PostgreSQL recorder of `eventsourcing`, with a thread for each writer.

The recorder runs in the mode that locks its table. Its other mode, with database functions, is
faster but lets readers of its log skip events.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Final
from uuid import UUID

from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from benchmarks.eventstore.sample import TYPE, Orders, data_json, metadata_json
from benchmarks.load import Load, threaded
from database_url import DatabaseUrl

NAME: Final = f"eventsourcing {version('eventsourcing')} (table lock, psycopg)"


@asynccontextmanager
async def recording(url: str, writers: int, batch: int = 1) -> AsyncIterator[Load]:
    with _datastore(url, writers) as datastore:
        recorder = PostgresApplicationRecorder(datastore)
        recorder.create_table()
        yield threaded([_writer(recorder, batch) for _ in range(writers)], batch)


def _datastore(url: str, connections: int) -> PostgresDatastore:
    parsed = DatabaseUrl.parse(url)
    host, port = parsed.servers[0]
    return PostgresDatastore(
        dbname=parsed.database,
        host=host,
        port=port,
        user=parsed.user or "",
        password=parsed.password or "",
        pool_size=connections,
    )


def _writer(recorder: PostgresApplicationRecorder, batch: int) -> Callable[[], object]:
    orders = Orders()

    def insert() -> object:
        order_id, version = orders.advance(batch)
        return recorder.insert_events(
            [
                StoredEvent(
                    originator_id=UUID(order_id),
                    originator_version=version + i,
                    topic=TYPE,
                    state=data_json(order_id) + metadata_json(order_id),
                )
                for i in range(1, batch + 1)
            ]
        )

    return insert
