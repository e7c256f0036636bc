"""Follow the orders of Waybill on Kafka: `python follow_kafka.py localhost:9092 orders.db`.

It needs confluent-kafka alone. The last event of each order is in the table `orders` of the SQLite
file. Start it several times: Kafka gives each process of the group a share of the partitions.
"""

import json
import sqlite3
import sys

from confluent_kafka import Consumer, KafkaException

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


def follow(consumer: Consumer, database: sqlite3.Connection) -> None:
    while True:
        message = consumer.poll(1)
        if message is None:
            continue
        if error := message.error():
            raise KafkaException(error)
        if (message.key() or b"").startswith(b"order-"):
            handle(database, json.loads(message.value() or b""))
        # Commit after the effect: if that fails, the message comes again.
        consumer.commit(message=message, asynchronous=False)


if __name__ == "__main__":
    database = sqlite3.connect(sys.argv[2])
    database.executescript(TABLES)
    config = {"bootstrap.servers": sys.argv[1], "group.id": "order-list"}
    consumer = Consumer(config | {"auto.offset.reset": "earliest", "enable.auto.commit": False})
    consumer.subscribe(["waybill.events"])
    try:
        follow(consumer, database)
    finally:
        consumer.close()  # another process of the group takes over at once
