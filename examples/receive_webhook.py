"""Receive webhooks of Waybill: `SECRET=whsec_... python receive_webhook.py 8080 orders.db`.

It needs standardwebhooks alone. The last event of each order is in the table `orders` of the SQLite
file. Put a proxy with TLS in front of it.
"""

import os
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

from standardwebhooks import Webhook, WebhookVerificationError

TABLES = """
    CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS orders (stream TEXT PRIMARY KEY, version INTEGER, type TEXT);
"""
CHANGE = """
    INSERT INTO orders VALUES (:subject, CAST(:streamversion AS INTEGER), :type)
    ON CONFLICT (stream) DO UPDATE SET version = excluded.version, type = excluded.type
    WHERE excluded.version > version -- a replay sends earlier events again
"""
MAX_BYTES = 2_000_000


def handle(database: sqlite3.Connection, event: dict[str, str]) -> None:
    with database:  # the effect and the id of its event are stored together, or not at all
        is_new = database.execute("INSERT OR IGNORE INTO seen VALUES (:id)", event).rowcount
        if is_new and event["subject"].startswith("order-"):
            database.execute(CHANGE, event)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers["content-length"]), MAX_BYTES))
        try:  # the signature is over the bytes: verify them before anything reads them
            event = webhook.verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError):
            self.send_response(400)
        else:
            handle(database, event)  # if it fails, no answer is sent: the event comes again
            self.send_response(204)
        self.end_headers()


if __name__ == "__main__":
    webhook = Webhook(os.environ["SECRET"])
    database = sqlite3.connect(sys.argv[2])
    database.executescript(TABLES)
    HTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
