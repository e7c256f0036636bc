from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from itertools import pairwise
from uuid import uuid4

import asyncpg
import pytest

from domain.event import Event
from domain.order.contact import Contact
from domain.order.events import OrderCreated, OrderReserved
from domain.order.price import Price
from domain.privacy import Sealed
from eventstore.envelope import EventMetadata, NewEvent, StreamAppend
from eventstore.errors import EventIdReused, InvalidAppend
from eventstore.postgres import PostgresEventStore
from eventstore.privacy.errors import Erased, TamperedField, UnknownKey
from eventstore.privacy.keyring import Keyring
from eventstore.privacy.rotation import rotate
from eventstore.privacy.vault import with_blank_seals
from eventstore.validation import MAX_EVENT_BYTES
from eventstore.versions import ANY, NO_STREAM
from kit.pool import Pool
from tests.integration.privacy.conftest import ADDRESS, CONTACT, MARKERS, Log, TextOfTables, created
from tests.support.keys import MASTER_KEY, MASTER_KEYS, a_vault

STATEMENTS = """
    SELECT coalesce(sum(calls), 0)
    FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
    WHERE d.datname = current_database() AND query LIKE '%FROM eventstore.subject_key%'
"""
RESERVED = OrderReserved(order_id="o-3")


def new(event: Event) -> NewEvent:
    return NewEvent(uuid4(), event, EventMetadata(correlation_id="test"))


async def test_an_address_is_sealed_on_its_way_into_the_log(
    log: Log, text_of_tables: TextOfTables
) -> None:
    placed = await log.place("o-1")

    (key,) = await log.keys()
    assert isinstance(placed.shipping_address, Sealed)
    assert placed.shipping_address.subject == "ada"
    assert placed.shipping_address.key_id == key["key_id"]
    assert key["master_key_id"] == MASTER_KEYS.current_id
    text = await text_of_tables()
    assert [marker for marker in MARKERS if marker in text] == []
    assert "o-1" in text


async def test_the_vault_opens_what_it_sealed(log: Log) -> None:
    assert await log.vault.open(await log.place("o-1")) == created("o-1")


async def test_an_order_without_a_contact_is_sealed_without_one(log: Log) -> None:
    await log.append("order-o-1", created("o-1", contact=None))
    placed = await log.placed("o-1")

    assert isinstance(placed.shipping_address, Sealed)
    assert placed.contact is None
    assert await log.vault.open(placed) == created("o-1", contact=None)


async def test_opening_costs_one_statement_for_any_number_of_fields_and_orders(
    log: Log, owner: asyncpg.Connection
) -> None:
    placed = [await log.place(f"o-{n}", f"customer-{n % 3}") for n in range(9)]
    await owner.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    before = await log.pool.fetchval(STATEMENTS)

    fields = [(order, name) for order in placed for name in ("contact", "shipping_address")]
    opened = await log.vault.open_each(fields)
    one = await log.vault.open(placed[0])
    nothing = await log.vault.open_each([(created("o-1", contact=None), "contact")])

    assert opened == [value for _ in placed for value in (CONTACT, ADDRESS)]
    assert (one, nothing) == (created("o-0", "customer-0"), [None])
    assert await log.pool.fetchval(STATEMENTS) - before == 2


async def test_a_field_that_does_not_open_leaves_the_others_readable(log: Log) -> None:
    ada, bob, eve = [await log.place(f"o-{name}", name) for name in ("ada", "bob", "eve")]
    await log.erase("ada")
    await log.pool.execute(
        "UPDATE eventstore.subject_key SET master_key_id = 'lost' WHERE subject = 'bob'"
    )
    swapped = eve.model_copy(update={"contact": eve.shipping_address})

    opened = await log.vault.open_each(
        [(ada, "contact"), (bob, "contact"), (swapped, "contact"), (eve, "contact")]
    )

    assert [type(value) for value in opened] == [Erased, UnknownKey, TamperedField, Contact]
    assert opened[-1] == CONTACT


async def test_a_repeat_with_another_contact_or_none_is_no_repeat(log: Log) -> None:
    order = new(created("o-1"))
    await log.store.save_events("order-o-1", [order], NO_STREAM)

    for contact in (None, Contact(email="eve@example.com")):
        other = replace(order, event=created("o-1", contact=contact))
        with pytest.raises(EventIdReused):
            await log.store.save_events("order-o-1", [other], NO_STREAM)


async def test_the_vault_returns_an_unsealed_order_unchanged(log: Log) -> None:
    assert await log.vault.open(created("o-1")) == created("o-1")


async def test_a_customer_has_one_key_and_shares_it_with_no_other(log: Log) -> None:
    for order_id, customer_id in (("o-1", "ada"), ("o-2", "ada"), ("o-3", "bob")):
        await log.place(order_id, customer_id)

    (ada,), (bob,) = await log.keys("ada"), await log.keys("bob")
    used = [await log.placed(order_id) for order_id in ("o-1", "o-2", "o-3")]
    ids = [o.shipping_address.key_id for o in used if isinstance(o.shipping_address, Sealed)]
    assert ids == [ada["key_id"], ada["key_id"], bob["key_id"]]
    assert ada["wrapped"] != bob["wrapped"]


async def test_concurrent_first_orders_share_one_key(log: Log) -> None:
    orders = await asyncio.gather(*(log.place(f"o-{number}") for number in range(12)))

    assert len(await log.keys()) == 1
    opened = [await log.vault.open(order) for order in orders]
    assert opened == [created(f"o-{number}") for number in range(12)]


async def test_an_append_with_several_customers_seals_each_under_their_own(log: Log) -> None:
    await log.store.append(
        [
            StreamAppend("order-o-1", [new(created("o-1", "ada"))], NO_STREAM),
            StreamAppend("order-o-2", [new(created("o-2", "bob"))], NO_STREAM),
            StreamAppend("order-o-3", [new(created("o-3", "ada")), new(RESERVED)], NO_STREAM),
        ]
    )

    for order_id, customer_id in (("o-1", "ada"), ("o-2", "bob"), ("o-3", "ada")):
        placed = await log.placed(order_id)
        assert await log.vault.open(placed) == created(order_id, customer_id)
    assert (await log.store.load_events("order-o-3", 1))[0].decode() == RESERVED


async def test_sealing_costs_one_statement_or_none_without_personal_data(
    log: Log, owner: asyncpg.Connection
) -> None:
    async def statements() -> int:
        async with log.pool.acquire() as connection:
            return int(await connection.fetchval(STATEMENTS))

    await owner.execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
    counts = [await statements()]
    for append in (
        lambda: log.place("o-1"),
        lambda: log.place("o-2"),
        lambda: log.append("order-o-1", OrderReserved(order_id="o-1")),
    ):
        await append()
        counts.append(await statements())
    assert [after - before for before, after in pairwise(counts)] == [1, 1, 0]


async def test_a_repeated_append_returns_the_first_result(log: Log) -> None:
    events = [new(created("o-1"))]
    first = await log.store.save_events("order-o-1", events, NO_STREAM)
    again = await log.store.save_events("order-o-1", events, NO_STREAM)

    assert (again.positions, again.duplicate) == (first.positions, True)
    assert await log.vault.open(await log.placed("o-1")) == created("o-1")


async def test_a_repeat_is_compared_in_clear_with_the_address_that_was_sealed(log: Log) -> None:
    order = new(created("o-1"))
    first = await log.store.save_events("order-o-1", [order], NO_STREAM)
    moved = ADDRESS.model_copy(update={"street": "78 Umbral Terrace"})

    for other in (created("o-1", address=moved), changed_total("o-1"), created("o-1", "bob")):
        with pytest.raises(EventIdReused) as refused:
            await log.store.save_events("order-o-1", [replace(order, event=other)], NO_STREAM)
        assert [marker for marker in MARKERS if marker in str(refused.value)] == []

    sealed = replace(order, event=await log.placed("o-1"))
    for again in (order, sealed):
        repeated = await log.store.save_events("order-o-1", [again], NO_STREAM)
        assert (repeated.positions, repeated.duplicate) == (first.positions, True)


@pytest.mark.parametrize("returns", [False, True], ids=["gone", "came back"])
async def test_a_repeat_after_the_erasure_is_compared_by_the_fields_in_clear(
    log: Log, returns: bool
) -> None:
    order = new(created("o-1"))
    first = await log.store.save_events("order-o-1", [order], NO_STREAM)
    await log.erase()
    if returns:
        await log.place("o-2")

    again = await log.store.save_events("order-o-1", [order], NO_STREAM)
    other = replace(order, event=changed_total("o-1"))
    with pytest.raises(EventIdReused):
        await log.store.save_events("order-o-1", [other], NO_STREAM)

    assert (again.positions, again.duplicate) == (first.positions, True)


async def test_a_repeat_under_a_new_master_key_is_a_repeat(pool: Pool, log: Log) -> None:
    order = new(created("o-1"))
    first = await log.store.save_events("order-o-1", [order], NO_STREAM)
    newer = Keyring(os.urandom(32), [MASTER_KEY], setting="master_key")
    _ = [progress async for progress in rotate(pool, newer)]
    log.vault = a_vault(pool, newer)

    again = await log.store.save_events("order-o-1", [order], NO_STREAM)

    assert (again.positions, again.duplicate) == (first.positions, True)


def changed_total(order_id: str) -> Event:
    price = Price(currency="EUR", lines=251, total=251)
    return created(order_id).model_copy(update={"price": price})


async def test_a_store_without_a_vault_writes_no_personal_data(pool: Pool, log: Log) -> None:
    events = [new(created("o-1"))]
    with pytest.raises(InvalidAppend, match="give the store a vault") as caught:
        await PostgresEventStore(pool).save_events("order-o-1", events, ANY)

    assert [marker for marker in MARKERS if marker in str(caught.value)] == []
    assert await log.store.load_events("order-o-1") == []


def _large(size: int, letter: str = "x") -> OrderCreated:
    """Return an order with a longer address than any command allows."""
    name = letter * (size // len(letter.encode()))
    return created("o-1", address=ADDRESS.model_copy(update={"name": name}))


@pytest.mark.parametrize("letter", ["x", "é", "🧭", '"', "\\"])
@pytest.mark.parametrize("size", [0, 1, 2, 3, 1_000])
async def test_an_event_is_measured_in_its_stored_form(log: Log, letter: str, size: int) -> None:
    event = _large(size, letter)
    (append,) = await log.vault.seal([StreamAppend("order-o-1", [new(event)], ANY)])
    sealed = append.events[0].data_json
    assert len(with_blank_seals(event).model_dump_json()) == len(sealed)


@pytest.mark.parametrize("size", [760_000, 900_000])
async def test_personal_data_too_large_after_sealing_is_refused_before_a_write(
    log: Log, size: int
) -> None:
    event = _large(size)
    assert len(event.model_dump_json()) < MAX_EVENT_BYTES

    with pytest.raises(InvalidAppend, match=r"is stored as 1[0-9]{6} bytes of JSON") as caught:
        await log.append("order-o-1", event)

    assert "xxx" not in str(caught.value)
    assert await log.keys() == []
    assert await log.append("order-o-2", RESERVED) == 1


async def test_the_largest_personal_data_is_stored_within_the_limit(pool: Pool) -> None:
    log = Log(pool, a_vault(pool), inline=())
    await log.append("order-o-1", _large(740_000))

    (stored,) = await log.store.load_events("order-o-1")
    assert 980_000 < len(stored.data_json) < MAX_EVENT_BYTES


async def test_another_master_key_opens_nothing_and_is_named(pool: Pool, log: Log) -> None:
    placed = await log.place("o-1")
    stranger = a_vault(pool, Keyring(os.urandom(32), setting="master_key"))

    with pytest.raises(UnknownKey, match=MASTER_KEYS.current_id):
        await stranger.open(placed)


async def test_a_changed_ciphertext_is_noticed(log: Log) -> None:
    placed = await log.place("o-1")
    sealed = placed.shipping_address
    assert isinstance(sealed, Sealed)
    first = "B" if sealed.ciphertext[0] == "A" else "A"
    for text in (first + sealed.ciphertext[1:], sealed.ciphertext[:8], "", "no base64"):
        changed = sealed.model_copy(update={"ciphertext": text})
        with pytest.raises(TamperedField, match="shipping_address of a OrderCreated"):
            await log.vault.open(placed.model_copy(update={"shipping_address": changed}))


async def test_a_customers_address_does_not_open_as_anothers(log: Log) -> None:
    ada, bob = await log.place("o-1", "ada"), await log.place("o-2", "bob")
    moved = bob.model_copy(update={"shipping_address": ada.shipping_address})
    with pytest.raises(TamperedField):
        await log.vault.open(moved)


async def test_a_key_moved_to_another_customer_opens_nothing(log: Log) -> None:
    placed = await log.place("o-1", "ada")
    async with log.pool.acquire() as connection:
        await connection.execute("UPDATE eventstore.subject_key SET subject = 'bob'")
    with pytest.raises(Erased):
        await log.vault.open(placed)
