"""Write the story of one order, its events without personal data, for a test or a debugger.

    python -m queries.story --order ID > story.jsonl

Each line is a CloudEvent, as the bus carries it. `load` reads them back, and the aggregates and
`queries/order_fold.py` fold them. Sealed values are left out. Ids of people and texts that are not
sealed, such as the reason of an intervention, stay: treat the file as confidential.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final
from uuid import UUID

from asyncpg import PostgresError

from domain.identifiers import is_identifier
from domain.note.decide import NOTE
from domain.order.decide import ORDER
from domain.payment.decide import PAYMENT
from domain.privacy import Sealed, personal_fields
from domain.saga.decide import SAGA
from domain.shipping.decide import SHIPMENT
from eventstore import cloudevents
from eventstore.envelope import StoredEvent
from eventstore.errors import EventStoreError
from eventstore.postgres import PostgresEventStore
from kit.command import run_command
from kit.faults import one_line
from kit.pool import CONNECTION_LOST, create_pool
from settings import Settings, SettingsError, load_settings

STREAMS: Final = (ORDER, PAYMENT, SHIPMENT, SAGA, NOTE)
"""The aggregates whose streams have the id of the order."""
LEFT_OUT: Final = Sealed(subject="", key_id=UUID(int=0), ciphertext="")
"""It stands for a personal value, so that the event still decodes. No key opens it."""


class NoSuchOrder(Exception):
    def __init__(self, order_id: str) -> None:
        super().__init__(f"the log has no order {order_id[:80]!r}: pass the id of an order")


async def story(store: PostgresEventStore, order_id: str) -> Sequence[StoredEvent]:
    """Return the events of the order up to the safe head, by position, without personal data.

    Raises NoSuchOrder.
    """
    if not is_identifier(order_id):
        raise NoSuchOrder(order_id)
    head = await store.safe_head()
    streams = [await store.load_events(each.stream(order_id)) for each in STREAMS]
    events = [event for stream in streams for event in stream if event.position <= head]
    if not events:
        raise NoSuchOrder(order_id)
    return [without_personal_data(event) for event in sorted(events, key=lambda e: e.position)]


def without_personal_data(stored: StoredEvent) -> StoredEvent:
    """Return the event in its current schema, with LEFT_OUT for each personal value."""
    event = stored.decode()
    personal = personal_fields(type(event))
    left_out = {name: LEFT_OUT for name in personal if getattr(event, name) is not None}
    data = event.model_copy(update=left_out).model_dump_json()
    return replace(stored, data_json=data, schema_version=event.schema_version)


def dump(events: Iterable[StoredEvent]) -> str:
    return "".join(f"{cloudevents.encode(event).decode()}\n" for event in events)


def load(text: str) -> Sequence[StoredEvent]:
    """Return the events of a story. Raises MalformedCloudEvent."""
    return [cloudevents.decode(line.encode()) for line in text.split("\n") if line]


async def run(settings: Settings, order_id: str) -> None:
    settings.require("database_url")
    async with await create_pool(settings.database_url.get_secret_value(), size=1) as pool:
        sys.stdout.write(dump(await story(PostgresEventStore(pool), order_id)))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m queries.story", description=__doc__)
    parser.add_argument("--order", required=True, metavar="ID")
    try:
        asyncio.run(run(load_settings(), parser.parse_args().order))
    except (SettingsError, NoSuchOrder, EventStoreError) as error:
        sys.exit(f"story: {error}")
    except (*CONNECTION_LOST, PostgresError) as error:
        sys.exit(f"story: PostgreSQL fails: {one_line(error)}")


if __name__ == "__main__":
    run_command(main)
