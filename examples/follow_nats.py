"""Follow the orders of Waybill on NATS: `python follow_nats.py nats://localhost:4223 orders.db`.

It needs nats-py alone. The last event of each order is in the table `orders` of the SQLite file.
"""

import asyncio
import json
import sqlite3
import sys

import nats
from nats.js.api import ConsumerConfig

SUBJECT = "waybill.events.*.order.*"
TABLES = """
    CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS orders (stream TEXT PRIMARY KEY, version INTEGER, type TEXT);
"""
CHANGE = """
    INSERT INTO orders VALUES (:subject, CAST(:streamversion AS INTEGER), :type)
    ON CONFLICT (stream) DO UPDATE SET version = excluded.version, type = excluded.type
    WHERE excluded.version > version -- an event that was published again may come late
"""


def handle(database: sqlite3.Connection, event: dict[str, str]) -> None:
    with database:  # the effect and the id of its event are stored together, or not at all
        if database.execute("INSERT OR IGNORE INTO seen VALUES (:id)", event).rowcount:
            database.execute(CHANGE, event)


async def follow(url: str, file: str) -> None:
    database = sqlite3.connect(file)
    database.executescript(TABLES)
    stream = (await nats.connect(url)).jetstream()
    # NATS keeps the order of a stream only if it hands out one message at a time.
    config = ConsumerConfig(max_ack_pending=1, ack_wait=30)
    messages = await stream.pull_subscribe(SUBJECT, "order-list", "WAYBILL", config)
    while True:
        try:
            [message] = await messages.fetch(1, timeout=30)
        except TimeoutError:
            continue
        handle(database, json.loads(message.data))  # if it fails, the message comes again
        await message.ack()


if __name__ == "__main__":
    asyncio.run(follow(*sys.argv[1:]))
