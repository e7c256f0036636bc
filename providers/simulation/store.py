"""The records of a simulator: one SQLite file; each change is committed before it is answered.

Every method is synchronous on purpose: within one event loop that makes read, decide and write one
indivisible step, with no lock.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

Document = dict[str, Any]
KEPT_SECONDS: Final = 86_400.0
"""The time for which Stripe keeps the answer under an idempotency key, at least."""
_SCHEMA = Path(__file__).with_name("schema.sql")


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer that was or will be sent: an HTTP status and a JSON text."""

    status: int
    body: str
    replayed: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    id: int
    kind: str
    subject: str
    """The subject of the job: an event's id, or an object's."""
    payload: str
    attempts: int
    due: float
    """The seconds since the epoch."""


class UnusableFile(Exception):
    """The message names the file, the reason, and the setting of its folder."""

    def __init__(self, file: Path, reason: str) -> None:
        super().__init__(f"cannot use {file}: {reason}; see WAYBILL_DATA_DIR")


class Store:
    """Raises UnusableFile, for a disk that is full or a folder that cannot be made."""

    def __init__(self, file: Path) -> None:
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(file, isolation_level=None)
            self._db.execute("PRAGMA journal_mode = WAL")
            # This is safe when the process ends; only a power cut could lose the last commits.
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.executescript(_SCHEMA.read_text())
        except (sqlite3.Error, OSError) as error:
            raise UnusableFile(file, getattr(error, "strerror", None) or str(error)) from None

    def close(self) -> None:
        self._db.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def put(self, kind: str, owner: str, document: Document) -> None:
        self._db.execute(
            "INSERT INTO objects (id, kind, owner, body) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (id) DO UPDATE SET body = excluded.body",
            (document["id"], kind, owner, json.dumps(document)),
        )

    def get(self, kind: str, object_id: str) -> Document | None:
        rows = self._db.execute(
            "SELECT body FROM objects WHERE id = ? AND kind = ?", (object_id, kind)
        )
        return next((json.loads(body) for (body,) in rows), None)

    def owned(self, kind: str, owner: str) -> list[Document]:
        rows = self._db.execute(
            "SELECT body FROM objects WHERE kind = ? AND owner = ? ORDER BY sequence", (kind, owner)
        )
        return [json.loads(body) for (body,) in rows]

    def every(self, kind: str) -> list[Document]:
        rows = self._db.execute(
            "SELECT body FROM objects WHERE kind = ? ORDER BY sequence", (kind,)
        )
        return [json.loads(body) for (body,) in rows]

    def answer(self, key: str) -> tuple[str, Answer] | None:
        """Return the fingerprint and the answer stored under an idempotency key."""
        rows = self._db.execute(
            "SELECT fingerprint, status, body FROM kept_answers WHERE key = ? AND kept_at > ?",
            (key, time.time() - KEPT_SECONDS),
        )
        return next(((row[0], Answer(row[1], row[2], replayed=True)) for row in rows), None)

    def keep_answer(self, key: str, fingerprint: str, answer: Answer) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO kept_answers VALUES (?, ?, ?, ?, ?)",
            (key, fingerprint, answer.status, answer.body, time.time()),
        )

    def record(self, order_id: str, effect: str, amount: int) -> None:
        """Record an effect: one more line for each time it really happened."""
        self._db.execute("INSERT INTO effects VALUES (?, ?, ?)", (order_id, effect, amount))

    def effects(self, order_id: str | None) -> dict[str, dict[str, dict[str, int]]]:
        rows = self._db.execute(
            "SELECT order_id, effect, count(*), sum(amount) FROM effects "
            "WHERE order_id = coalesce(?, order_id) GROUP BY order_id, effect",
            (order_id,),
        )
        found: dict[str, dict[str, dict[str, int]]] = {}
        for order, effect, count, amount in rows:
            found.setdefault(order, {})[effect] = {"count": count, "amount": amount}
        return found

    def first_time(self, name: str) -> bool:
        """Return True once for each name."""
        return self._db.execute("INSERT OR IGNORE INTO marks VALUES (?)", (name,)).rowcount == 1

    def add_job(self, kind: str, subject: str, payload: str, delay_seconds: float = 0) -> None:
        self._db.execute(
            "INSERT INTO jobs (kind, subject, payload, due) VALUES (?, ?, ?, ?)",
            (kind, subject, payload, time.time() + delay_seconds),
        )

    def next_jobs(self, limit: int) -> list[Job]:
        """Return the jobs that are due first, whether due already or not."""
        rows = self._db.execute(
            "SELECT id, kind, subject, payload, attempts, due FROM jobs ORDER BY due, id LIMIT ?",
            (limit,),
        )
        return [Job(*row) for row in rows]

    def postpone(self, job: Job, seconds: float) -> None:
        self._db.execute(
            "UPDATE jobs SET attempts = attempts + 1, due = ? WHERE id = ?",
            (time.time() + seconds, job.id),
        )

    def finish(self, job: Job) -> None:
        self._db.execute("DELETE FROM jobs WHERE id = ?", (job.id,))
