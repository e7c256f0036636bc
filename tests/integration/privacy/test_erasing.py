from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Sequence

import asyncpg
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.customer.decide import CUSTOMER
from domain.order.decide import ORDER
from domain.order.events import OrderCreated
from domain.privacy import Sealed, personal_fields
from eventstore.envelope import StoredEvent
from eventstore.errors import VersionConflict
from eventstore.privacy.errors import Erased
from kit.eventually import eventually
from kit.pool import Connection
from projections.inline import InlineReadModels
from queries.personal_data import PersonalData, PersonalField, Wanted
from tests.integration.privacy.conftest import (
    ADDRESS,
    CONTACT,
    MARKERS,
    Log,
    TextOfTables,
    created,
)
from tests.support.keys import MASTER_KEY


async def test_an_erased_address_does_not_open(log: Log) -> None:
    placed = await log.place("o-1")
    await log.erase()

    assert await log.keys() == []
    with pytest.raises(Erased, match="shipping_address of this OrderCreated has been erased"):
        await log.vault.open(placed)


async def test_no_personal_field_opens_after_an_erasure(log: Log) -> None:
    placed = await log.place("o-1")
    fields = [(placed, name) for name in personal_fields(OrderCreated)]
    assert await log.vault.open_each(fields) == [ADDRESS, CONTACT]

    await log.erase()

    assert [type(value) for value in await log.vault.open_each(fields)] == [Erased, Erased]
    data = PersonalData(log.store, log.vault)
    assert await data.open([Wanted("o-1", field) for field in PersonalField]) == [None, None]


async def test_an_erasure_leaves_every_other_customer_alone(log: Log) -> None:
    bob = await log.place("o-2", "bob")
    await log.place("o-1", "ada")
    await log.erase("ada")

    assert await log.vault.open(bob) == created("o-2", "bob")


async def test_the_log_still_replays_after_an_erasure(log: Log) -> None:
    await log.place("o-1")
    await log.erase()

    events = await log.store.load_all_events()
    assert [event.type for event in events] == ["OrderCreated", "CustomerErased"]
    state = ORDER.fold([events[0].decode()])
    assert (state.customer_id, state.total.amount) == ("ada", 250)
    assert CUSTOMER.fold([events[1].decode()]).erasures == 1


async def test_a_customer_who_comes_back_gets_a_new_key(log: Log) -> None:
    before = await log.place("o-1")
    await log.erase()
    after = await log.place("o-2")

    assert await log.vault.open(after) == created("o-2")
    with pytest.raises(Erased):
        await log.vault.open(before)
    assert isinstance(before.shipping_address, Sealed)
    assert isinstance(after.shipping_address, Sealed)
    assert after.shipping_address.key_id != before.shipping_address.key_id


async def test_an_order_placed_during_an_erasure_is_erased_with_it(
    log: Log,
) -> None:
    """Otherwise a key made in between would be lost when the older erasure is replayed."""
    await log.place("o-1")
    async with log.pool.acquire() as connection, connection.transaction():
        await connection.execute("DELETE FROM eventstore.subject_key WHERE subject = 'ada'")
        crossing = await asyncio.wait_for(log.place("o-2"), 5)

    assert await log.keys() == []
    with pytest.raises(Erased):
        await log.vault.open(crossing)


async def test_an_erasure_replayed_spares_the_key_of_a_customer_who_came_back(log: Log) -> None:
    await log.place("o-1")
    await log.erase()
    after = await log.place("o-2")
    (erased,) = await log.store.load_events("customer-ada")

    async with log.pool.acquire() as connection:
        await InlineReadModels().apply(connection, [erased])

    assert await log.vault.open(after) == created("o-2")


async def test_an_erasure_replayed_erases_a_key_that_came_back_from_a_backup(log: Log) -> None:
    placed = await log.place("o-1")
    (key,) = await log.keys()
    await log.erase()
    async with log.pool.acquire() as connection:
        await connection.execute(
            "INSERT INTO eventstore.subject_key"
            " (key_id, subject, wrapped, master_key_id, made_after) VALUES ($1, $2, $3, $4, $5)",
            *(key[n] for n in ("key_id", "subject", "wrapped", "master_key_id", "made_after")),
        )
        (erased,) = await log.store.load_events("customer-ada")
        await InlineReadModels().apply(connection, [erased])

    with pytest.raises(Erased):
        await log.vault.open(placed)


THE_CLOCK_STEPS_BACK = """
    CREATE FUNCTION step_back() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.recorded_at := NEW.recorded_at - interval '1 hour';
        RETURN NEW;
    END $$;
    CREATE TRIGGER step_back BEFORE INSERT ON eventstore.event
        FOR EACH ROW EXECUTE FUNCTION step_back()
"""
KEYS_STAY = """
    CREATE FUNCTION stay() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER stay BEFORE DELETE ON eventstore.subject_key
        FOR EACH ROW EXECUTE FUNCTION stay()
"""


async def test_a_clock_that_steps_back_between_order_and_erasure_keeps_no_key(
    log: Log, owner: asyncpg.Connection
) -> None:
    placed = await log.place("o-1")
    await owner.execute(THE_CLOCK_STEPS_BACK)
    await log.erase()

    assert await log.keys() == []
    with pytest.raises(Erased):
        await log.vault.open(placed)


async def test_a_clock_that_steps_back_loses_no_key_of_a_customer_who_came_back(
    log: Log, owner: asyncpg.Connection
) -> None:
    await log.erase()
    await owner.execute(THE_CLOCK_STEPS_BACK)
    after = await log.place("o-1")
    (erased,) = await log.store.load_events("customer-ada")
    async with log.pool.acquire() as connection:
        await InlineReadModels().apply(connection, [erased])

    assert await log.vault.open(after) == created("o-1")


@pytest.mark.parametrize(
    "keep", [KEYS_STAY, "UPDATE eventstore.subject_key SET made_after = 1000000000"]
)
async def test_an_erasure_that_would_leave_a_key_fails_and_is_not_recorded(
    log: Log, owner: asyncpg.Connection, keep: str
) -> None:
    placed = await log.place("o-1")
    await owner.execute(keep)

    with pytest.raises(asyncpg.RaiseError, match="the key of an erased subject is still there"):
        await log.erase()

    assert await log.store.load_events("customer-ada") == []
    assert await log.vault.open(placed) == created("o-1")


async def test_an_erasure_waits_for_a_key_that_is_being_made_and_erases_it(log: Log) -> None:
    async with log.pool.acquire() as connection:
        async with connection.transaction():
            await connection.execute(
                "INSERT INTO eventstore.subject_key VALUES"
                " (gen_random_uuid(), 'ada', '', 'm', eventstore.position_of_new_key('ada'))"
            )
            erasing = asyncio.create_task(log.erase())
            await waits_for_a_lock(log)
        await erasing

    assert await log.keys() == []


async def waits_for_a_lock(log: Log) -> None:
    waiting = (
        "SELECT count(*) FROM pg_locks WHERE classid = 7005 AND objsubid = 2 AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    await eventually(lambda: log.pool.fetchval(waiting), 5)


class Failing:
    async def apply(self, connection: Connection, events: Sequence[StoredEvent]) -> None:
        del connection
        raise VersionConflict("customer-ada", len(events), 1)


async def test_an_erasure_that_is_not_written_erases_nothing(log: Log) -> None:
    placed = await log.place("o-1")

    log.inline = (InlineReadModels(), Failing())
    with pytest.raises(VersionConflict):
        await log.erase()

    assert await log.vault.open(placed) == created("o-1")
    assert await log.store.load_events("customer-ada") == []


async def test_the_event_row_and_the_master_key_do_not_open_an_erased_address(log: Log) -> None:
    """The test opens the address without the product's code: only the row of the key is missing."""
    placed = await log.place("o-1")
    assert isinstance(placed.shipping_address, Sealed)
    copy = base64.b64decode(placed.shipping_address.ciphertext)
    (backup,) = await log.keys()
    await log.erase()
    await log.place("o-2")
    (newer,) = await log.keys()

    for key in (MASTER_KEY, unwrapped(newer)):
        with pytest.raises(InvalidTag):
            opened(key, copy, "OrderCreated", "shipping_address", "ada")

    clear = opened(unwrapped(backup), copy, "OrderCreated", "shipping_address", "ada")
    assert json.loads(clear) == created("o-1").shipping_address.model_dump()


def unwrapped(row: asyncpg.Record) -> bytes:
    return opened(MASTER_KEY, row["wrapped"], "key", "ada", str(row["key_id"]))


def opened(key: bytes, data: bytes, *context: str) -> bytes:
    return AESGCM(key).decrypt(data[:12], data[12:], json.dumps(context).encode())


async def test_no_table_has_an_address_before_or_after_an_erasure(
    log: Log, text_of_tables: TextOfTables
) -> None:
    for when in ("before", "after"):
        await log.place(f"o-{when}")
        text = await text_of_tables()
        assert [marker for marker in MARKERS if marker in text] == []
        await log.erase()


async def test_no_customer_has_two_keys(log: Log) -> None:
    await log.place("o-1")
    async with log.pool.acquire() as connection:
        with pytest.raises(asyncpg.UniqueViolationError):
            await connection.execute(
                "INSERT INTO eventstore.subject_key SELECT gen_random_uuid(), subject, wrapped,"
                " master_key_id, made_after FROM eventstore.subject_key"
            )
