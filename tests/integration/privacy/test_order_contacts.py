"""Orders are found by a digest of the e-mail address, which goes with the customer's key."""

from __future__ import annotations

import asyncio
import hashlib
from argparse import Namespace
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import asyncpg
import pytest
from pydantic import SecretStr

from domain.event import Event
from domain.order.contact import Contact
from eventstore.checkpoint import Checkpoint, CheckpointMoved
from eventstore.privacy.errors import UnknownKey
from eventstore.privacy.keyring import Keyring
from eventstore.privacy.search_key import SearchKey
from eventstore.privacy.vault import Vault
from kit.eventually import eventually
from kit.pool import create_pool
from kit.tasks import together
from projections.order_contacts import CHECKPOINT, ORDER_CONTACTS, OrderContacts, begin_again
from projections.rebuild import record
from projections.rebuild.__main__ import run
from projections.rebuild.errors import NeverCopied
from projections.rebuild.runner import Rebuilder
from settings import DatabaseRole, Settings
from stack.servers import Servers
from tests.conftest import beside
from tests.integration.privacy.conftest import CONTACT, MARKERS, Log, TextOfTables, created
from tests.support import order_contacts
from tests.support.gates import Gate
from tests.support.keys import MASTER_KEYS, SEARCH_KEY, a_vault

KEY: Final = SearchKey(SEARCH_KEY)
DIGEST: Final = KEY.email_digest(CONTACT.email or "")
WAITS: Final = """
    SELECT count(*) FROM pg_stat_activity
    WHERE wait_event_type = 'Lock' AND datname = current_database()
"""


class GatedVault(Vault):
    """It stops once at the gate, after it has opened the data."""

    gate: Gate | None = None

    async def open_each(self, wanted: Sequence[tuple[Event, str]]) -> list[object]:
        opened = await super().open_each(wanted)
        gate, self.gate = self.gate, None
        if gate is not None:
            await gate.stop_here()
        return opened


def contacts(log: Log) -> OrderContacts:
    return OrderContacts(log.pool, log.store, log.vault, KEY)


async def follow(log: Log, vault: Vault | None = None) -> None:
    await order_contacts.follow(log.pool, log.store, vault or log.vault)


async def rows(log: Log) -> list[tuple[str, str]]:
    async with log.pool.acquire() as connection:
        found = await connection.fetch(
            "SELECT order_id, email_digest FROM readmodel.order_contact ORDER BY order_id"
        )
    return [(row["order_id"], row["email_digest"]) for row in found]


async def test_each_order_with_an_address_has_its_digest(log: Log) -> None:
    await log.place("o-1")
    await log.append("order-o-2", created("o-2", contact=None))
    await log.append("order-o-3", created("o-3", contact=Contact(locale="zu-ZA")))
    spelled = Contact(email="NyxAndra@wraithmere.example.org")
    await log.append("order-o-4", created("o-4", "bob", contact=spelled))
    await follow(log)

    assert await rows(log) == [("o-1", DIGEST), ("o-4", DIGEST)]


async def test_an_erasure_deletes_the_rows_of_its_customer_alone(log: Log) -> None:
    await log.place("o-1")
    await log.place("o-2")
    await log.place("o-3", "bob")
    await follow(log)
    await log.erase()

    assert await rows(log) == [("o-3", DIGEST)]


async def test_the_rows_go_in_the_transaction_of_the_erasure(log: Log) -> None:
    await log.place("o-1")
    await follow(log)
    async with log.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT eventstore.erase_subject('ada', 1000)")
        assert await connection.fetchval("SELECT count(*) FROM readmodel.order_contact") == 0
        assert await rows(log) == [("o-1", DIGEST)]
        await transaction.rollback()

    assert await rows(log) == [("o-1", DIGEST)]


async def test_an_erasure_between_the_opening_and_the_writing_leaves_no_row(log: Log) -> None:
    await log.place("o-1")
    await log.place("o-2", "bob")
    vault = GatedVault(log.pool, MASTER_KEYS)
    vault.gate = gate = Gate()
    following = asyncio.create_task(follow(log, vault))
    await gate.reached()
    await log.erase()
    gate.open()
    await following

    assert await rows(log) == [("o-2", DIGEST)]


async def test_a_follower_waits_for_an_erasure_under_way_and_writes_no_row(log: Log) -> None:
    await log.place("o-1")
    async with log.pool.acquire() as connection:
        async with connection.transaction():
            await connection.execute("SELECT eventstore.erase_subject('ada', 1000)")
            following = asyncio.create_task(follow(log))
            await eventually(lambda: log.pool.fetchval(WAITS), 5)
        await following

    assert await rows(log) == []


async def test_an_erasure_waits_for_a_row_being_written_and_deletes_it(log: Log) -> None:
    await log.place("o-1")
    async with log.pool.acquire() as connection:
        async with connection.transaction():
            checkpoint = await Checkpoint.read(connection, CHECKPOINT)
            page = await log.store.load_all_events(types=["OrderCreated"])
            await contacts(log).take(connection, checkpoint, page)
            erasing = asyncio.create_task(log.erase())
            await eventually(lambda: log.pool.fetchval(WAITS), 5)
        await erasing

    assert await rows(log) == []


async def test_a_log_followed_again_gives_rows_to_the_living_only(log: Log) -> None:
    await log.place("o-1")
    await log.place("o-2", "bob")
    await follow(log)
    await log.erase()
    await begin_again(log.pool)
    assert await rows(log) == []
    await follow(log)

    assert await rows(log) == [("o-2", DIGEST)]


async def test_a_customer_who_returns_is_found_by_the_new_order_only(log: Log) -> None:
    await log.place("o-1")
    await log.erase()
    await log.place("o-2")
    await follow(log)

    assert await rows(log) == [("o-2", DIGEST)]


async def test_an_erasure_replayed_spares_the_rows_of_a_customer_who_came_back(log: Log) -> None:
    await log.place("o-1")
    await log.erase()
    await log.place("o-2")
    await follow(log)
    (erased,) = await log.store.load_events("customer-ada")
    async with log.pool.acquire() as connection:
        await log.inline[0].apply(connection, [erased])

    assert await rows(log) == [("o-2", DIGEST)]


async def test_no_table_has_the_address_and_none_its_digest_after_an_erasure(
    log: Log, text_of_tables: TextOfTables
) -> None:
    await log.place("o-1")
    await follow(log)
    text = await text_of_tables()
    assert DIGEST in text
    unkeyed = hashlib.sha256((CONTACT.email or "").encode()).hexdigest()
    assert [marker for marker in (*MARKERS, unkeyed) if marker in text] == []
    await log.erase()

    assert DIGEST not in await text_of_tables()


async def test_a_page_is_not_written_twice_by_a_leader_that_was_replaced(log: Log) -> None:
    await log.place("o-1")
    async with log.pool.acquire() as connection:
        checkpoint = await Checkpoint.read(connection, CHECKPOINT)
        page = await log.store.load_all_events(types=["OrderCreated"])
        await follow(log)
        await log.erase()
        with pytest.raises(CheckpointMoved):
            await contacts(log).take(connection, checkpoint, page)

    assert await rows(log) == []


async def test_an_unknown_master_key_stops_the_follower_before_it_skips_an_order(log: Log) -> None:
    await log.place("o-1")
    other = a_vault(log.pool, Keyring(bytes(range(32)), setting="master_key"))
    with pytest.raises(UnknownKey, match="WAYBILL_RETIRED_MASTER_KEYS"):
        await follow(log, other)
    await follow(log)

    assert await rows(log) == [("o-1", DIGEST)]


async def test_a_contact_that_was_tampered_with_is_reported_and_stops_no_other(
    log: Log, owner: asyncpg.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    await log.place("o-1")
    await log.place("o-2", "bob")
    await owner.execute("ALTER TABLE eventstore.event DISABLE TRIGGER USER")
    await owner.execute(
        "UPDATE eventstore.event SET data = jsonb_set(data, '{contact,ciphertext}', '\"AAAA\"')"
        " WHERE stream_id = 'order-o-1'"
    )
    await follow(log)

    assert await rows(log) == [("o-2", DIGEST)]
    (line,) = (record.getMessage() for record in caplog.records)
    assert line.startswith("order o-1 is not found by its e-mail address: contact of a Order")


@asynccontextmanager
async def leading(log: Log, vault: Vault | None = None) -> AsyncIterator[None]:
    follower = OrderContacts(log.pool, log.store, vault or log.vault, KEY)
    task = asyncio.create_task(together(follower.run()))
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def test_a_leader_that_waits_begins_again_when_it_is_told(log: Log) -> None:
    async def has_row() -> bool:
        return await rows(log) == [("o-1", DIGEST)]

    async with leading(log):
        await log.place("o-1")
        await eventually(has_row, 10)
        await begin_again(log.pool)
        await eventually(has_row, 10)


async def test_operators_see_why_no_address_is_taken_until_the_key_is_there(
    log: Log, owner: asyncpg.Connection
) -> None:
    async def fault() -> str:
        of_contacts = "SELECT fault FROM eventstore.projection WHERE name = 'order-contacts'"
        return await owner.fetchval(of_contacts) or ""

    async def is_stuck() -> bool:
        return "WAYBILL_RETIRED_MASTER_KEYS" in await fault()

    async def goes_on() -> bool:
        return await fault() == ""

    await log.place("o-1")
    async with leading(log, a_vault(log.pool, Keyring(bytes(range(32)), setting="master_key"))):
        await eventually(is_stuck, 10)
    assert await rows(log) == []
    async with leading(log):
        await eventually(goes_on, 10)


async def test_a_worker_makes_the_rebuild_that_an_admin_asks_for(
    log: Log, servers: Servers, database_url: str, owner: asyncpg.Connection
) -> None:
    async def is_done() -> bool:
        state = "SELECT state FROM eventstore.projection_rebuild WHERE name = 'order-contacts'"
        return bool(await owner.fetchval(state) == "done")

    await log.place("o-1")
    await follow(log)
    async with log.pool.acquire() as connection:
        await record.request(connection, ORDER_CONTACTS, "admin")
    async with await create_pool(
        beside(servers, DatabaseRole.PROJECTIONS, database_url), size=2
    ) as pool:
        rebuilding = asyncio.create_task(together(Rebuilder(pool).run()))
        await eventually(is_done, 10)
        rebuilding.cancel()
        await asyncio.gather(rebuilding, return_exceptions=True)
    assert await rows(log) == []
    await follow(log)
    assert await rows(log) == [("o-1", DIGEST)]


async def test_the_projections_role_may_empty_the_table(
    log: Log, servers: Servers, database_url: str
) -> None:
    await log.place("o-1")
    await follow(log)
    url = beside(servers, DatabaseRole.PROJECTIONS, database_url)
    async with await create_pool(url) as pool:
        await begin_again(pool)

    assert await rows(log) == []


async def test_the_command_empties_the_table_and_keeps_no_former_one(
    log: Log, servers: Servers, database_url: str
) -> None:
    await log.place("o-1")
    await follow(log)
    url = beside(servers, DatabaseRole.PROJECTIONS, database_url)
    settings = Settings(_env_file=None, projections_database_url=SecretStr(url))

    for option in ("rollback", "drop"):
        with pytest.raises(NeverCopied, match="order-contacts keeps no former table"):
            await run(settings, arguments(**{option: True}))
    assert await rows(log) == [("o-1", DIGEST)]

    assert await run(settings, arguments()) == (
        "order-contacts is emptied: a worker with the role projections fills it again"
    )
    assert await rows(log) == []


def arguments(*, rollback: bool = False, drop: bool = False) -> Namespace:
    return Namespace(name="order-contacts", rollback=rollback, drop=drop)
