"""The erasures since a backup are kept in a file, and repeated after the restore."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from domain.order.commands import RejectionReason
from domain.order.events import OrderRejected
from eventstore.privacy.errors import Erased
from kit.engine import create_engine
from kit.pool import create_pool
from orchestrator.erasures import NotErased, record, repeat
from queries.orders import OrderQueries
from tests.integration.privacy.conftest import Log, created
from tests.support.forks import ran
from tests.support.lost_tail import lose_tail

BRING_BACK = """
    INSERT INTO eventstore.subject_key
    SELECT * FROM jsonb_populate_recordset(NULL::eventstore.subject_key, $1::jsonb)
    ON CONFLICT DO NOTHING
"""
KEYS_AS_JSON = "SELECT jsonb_agg(to_jsonb(k))::text FROM eventstore.subject_key AS k"


@pytest.fixture
async def orders(database_url: str) -> AsyncIterator[OrderQueries]:
    engine = create_engine(database_url)
    yield OrderQueries(engine)
    await engine.dispose()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "erasures.jsonl"


class Backup:
    """A moment of the database, to which the log and the keys go back."""

    def __init__(self, log: Log, owner_url: str) -> None:
        self._log, self._owner_url = log, owner_url
        self._keys, self._head = "", 0

    async def take(self) -> None:
        self._head = await self._log.store.safe_head()
        self._keys = await self._log.pool.fetchval(KEYS_AS_JSON)

    async def restore(self) -> None:
        async with await create_pool(self._owner_url, size=1) as pool:
            await lose_tail(pool, self._head)
            await pool.execute(BRING_BACK, self._keys)


@pytest.fixture
def backup(log: Log, owner_url: str) -> Backup:
    return Backup(log, owner_url)


async def ended(log: Log, order_id: str, customer_id: str) -> None:
    """Place an order that is final at once."""
    await log.place(order_id, customer_id)
    rejected = OrderRejected(order_id=order_id, reason=RejectionReason.OUT_OF_STOCK, sku="mug")
    await log.append(f"order-{order_id}", rejected)


def damage(file: Path) -> None:
    with file.open("a") as output:
        output.write('{"event_id": "cut o')


def lines_of(file: Path) -> list[str]:
    return file.read_text().splitlines()


async def repeated(
    log: Log, orders: OrderQueries, file: Path, lines: list[str] | None = None
) -> list[str]:
    """Repeat the erasures of the file, and return the lines that are printed."""
    lines = [] if lines is None else lines
    async for line in repeat(log.store, orders, file):
        lines.append(line)
    return lines


async def test_an_erasure_since_the_backup_is_repeated_once(
    log: Log, orders: OrderQueries, file: Path, backup: Backup
) -> None:
    await ended(log, "o-1", "ada")
    await ended(log, "o-2", "bob")
    await ended(log, "o-3", "cem")
    await log.erase("cem")
    await backup.take()
    await log.erase("ada")
    (first,) = await log.store.load_events("customer-ada")
    assert await record(log.store, file) == f"2 erasures added to {file}, which has 2."
    await backup.restore()
    placed = await log.placed("o-1")
    assert await log.vault.open(placed) == created("o-1")

    assert await repeated(log, orders, file) == [
        "customer ada: erased again",
        "1 erasure repeated.",
    ]

    with pytest.raises(Erased):
        await log.vault.open(placed)
    assert len(await log.keys("bob")) == 1
    (again,) = await log.store.load_events("customer-ada")
    assert (again.event_id, again.data) == (first.event_id, first.data)
    assert await repeated(log, orders, file) == ["0 erasures repeated."]
    assert len(await log.store.load_events("customer-cem")) == 1


async def test_the_file_keeps_what_the_log_has_lost(log: Log, file: Path, backup: Backup) -> None:
    await ended(log, "o-1", "ada")
    await backup.take()
    await log.erase("ada")
    await record(log.store, file)
    kept = lines_of(file)
    await backup.restore()
    await log.erase("bob")

    assert await record(log.store, file) == f"1 erasure added to {file}, which has 2."
    assert lines_of(file)[:-1] == kept
    assert await record(log.store, file) == f"0 erasures added to {file}, which has 2."


async def test_a_line_holds_the_id_of_the_customer_and_nothing_of_the_order(
    log: Log, file: Path
) -> None:
    await ended(log, "o-1", "ada")
    await log.erase("ada")
    await record(log.store, file)

    (line,) = lines_of(file)
    assert json.loads(line).keys() == {"event_id", "customer_id", "reason", "erased_at"}
    assert (json.loads(line)["customer_id"], json.loads(line)["reason"]) == (
        *("ada", "CUSTOMER_REQUEST"),
    )


async def test_a_customer_whose_order_is_open_again_is_erased_later(
    log: Log, orders: OrderQueries, file: Path, backup: Backup
) -> None:
    await log.place("o-1", "ada")
    await ended(log, "o-2", "bob")
    await backup.take()
    await log.erase("ada")
    await log.erase("bob")
    await record(log.store, file)
    await backup.restore()

    lines: list[str] = []
    with pytest.raises(NotErased, match=r"^1 erasure left, of customers with an open order: "):
        await repeated(log, orders, file, lines)
    assert lines == [
        "customer ada: not erased: an order is open",
        "customer bob: erased again",
        "1 erasure repeated.",
    ]
    assert await log.store.load_events("customer-ada") == []
    assert len(await log.keys("ada")) == 1

    rejected = OrderRejected(order_id="o-1", reason=RejectionReason.OUT_OF_STOCK, sku="mug")
    await log.append("order-o-1", rejected)
    assert (await repeated(log, orders, file))[-1] == "1 erasure repeated."
    assert await log.keys("ada") == []


async def test_a_file_that_is_damaged_changes_nothing(
    log: Log, orders: OrderQueries, file: Path
) -> None:
    await log.erase("ada")
    await record(log.store, file)
    damage(file)

    with pytest.raises(NotErased, match=r"^line 2 of .* is no erasure: remove it, and"):
        await repeated(log, orders, file)
    with pytest.raises(NotErased, match=r"^line 2 of "):
        await record(log.store, file)
    assert len(lines_of(file)) == 2


async def test_the_command_names_a_missing_file_and_a_server_that_is_away(
    database_url: str, tmp_path: Path
) -> None:
    missing = tmp_path / "missing"
    code, said = await command(database_url, "repeat", str(missing))
    assert (code, said) == (
        1,
        f"erasures: {missing} does not exist: name the file that `record` has written\n",
    )
    away = "postgresql+asyncpg://nobody:nothing@127.0.0.1:1/none"
    code, said = await command(away, "record", str(missing))
    assert code == 1
    assert said.startswith("erasures: ")
    assert len(said.splitlines()) == 1
    assert not missing.exists()


async def command(url: str, *arguments: str) -> tuple[int, str]:
    environment = {**os.environ, "WAYBILL_DATA_DIR": os.devnull, "WAYBILL_DATABASE_URL": url}
    ended = await ran("-m", "orchestrator.erasures", *arguments, environment=environment)
    return ended.code, ended.printed
