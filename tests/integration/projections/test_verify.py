"""The live read models are compared with a replay of the log."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Table

from domain.customer.commands import EraseCustomer, ErasureReason
from domain.inventory.commands import ReceiveStock
from domain.note.commands import AddOrderNote
from domain.product.commands import ChangePrice, ListProduct
from eventstore.envelope import StoredEvent
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool, create_pool
from projections.key_erasure import ERASED
from projections.registry import INLINE, UnknownProjection
from projections.scratch import Comparison, Scratch
from projections.verify import NotVerified, Report, Verification, verify
from tests.integration.projections.commands import COMMANDS, euros
from tests.integration.projections.folds import READ_MODELS
from tests.integration.projections.log import Log

TABLES = (*(f"readmodel.{model.table}" for model in READ_MODELS), "eventstore.subject_key")
LISTED = [ListProduct(aggregate_id="a", name="Cup", price=euros(450))]
NOTE = AddOrderNote(aggregate_id="o-1", customer_id="ada", text="Zaphkiel Quist called")
ERASE = EraseCustomer(aggregate_id="ada", reason=ErasureReason.CUSTOMER_REQUEST)
CHANGES = [ChangePrice(aggregate_id="a", price=euros(cents)) for cents in (451, 452)]
AGREES = "The log and 17 tables agree in 1 row: 1 event, up to position 1"
OPEN_APPEND = """
    SELECT eventstore.append_event(
        'product-slow', -1, gen_random_uuid(), 'ProductDiscontinued', 1::smallint,
        '{"sku": "slow"}', '{}')
"""


@pytest.fixture
async def scratch_pool(database_url: str) -> AsyncIterator[Pool]:
    """Yield connections of the appending role, which may write the live tables and the keys."""
    async with await create_pool(database_url, size=2, transaction_seconds=0) as pool:
        yield pool


def silent(position: int, head: int) -> None:
    """Show nothing."""


async def verified(pool: Pool, name: str | None = None) -> Report:
    return await verify(pool, name, silent)


async def lines_of(pool: Pool, name: str | None = None) -> list[str]:
    return list((await verified(pool, name)).lines())


async def versions(owner: asyncpg.Connection) -> Mapping[str, Sequence[Any]]:
    """Return each row of the live tables and the keys, with the transaction that wrote it."""
    return {
        table: await owner.fetch(f"SELECT t.xmin, t::text FROM {table} AS t ORDER BY 2")  # noqa: S608 - our own names
        for table in TABLES
    }


async def test_the_read_models_agree_with_the_log_after_varied_commands(
    log: Log, scratch_pool: Pool
) -> None:
    for _ in range(4):
        for commands in COMMANDS.values():
            await log.append_each(*commands)
    events = sum(map(len, log.streams.values()))
    rows = sum([len(await log.rows(model)) for model in READ_MODELS])
    assert events > 100
    assert rows > 10

    assert await lines_of(scratch_pool) == [
        f"The log and 17 tables agree in {rows} rows: {events} events, up to position {events}"
    ]


def test_every_inline_read_model_is_compared() -> None:
    names = {table.name for projection in INLINE for table in projection.tables}
    assert names == {model.table for model in READ_MODELS}


async def test_an_empty_log_agrees_with_empty_read_models(scratch_pool: Pool) -> None:
    assert await lines_of(scratch_pool) == [
        "The log and 17 tables agree in 0 rows: 0 events, up to position 0"
    ]


async def test_a_changed_value_is_reported_with_both_values(log: Log, scratch_pool: Pool) -> None:
    await log.append_each(*LISTED)
    await log.owner.execute("UPDATE readmodel.product_view SET price = 451")

    assert await lines_of(scratch_pool) == [
        "product_view (sku=a): price is 451, replayed 450",
        "The log and 17 tables differ in 1 row: 1 event, up to position 1",
    ]


async def test_a_missing_row_is_reported(log: Log, scratch_pool: Pool) -> None:
    await log.append_each(NOTE)
    await log.owner.execute("DELETE FROM readmodel.order_note")

    assert await lines_of(scratch_pool) == [
        "order_note (order_id=o-1, number=1): the row is missing",
        "The log and 17 tables differ in 1 row: 1 event, up to position 1",
    ]


async def test_a_surplus_row_is_reported(log: Log, scratch_pool: Pool) -> None:
    await log.append_each(*LISTED)
    await log.owner.execute("INSERT INTO readmodel.saga_recovery VALUES ('o-2', 1)")

    assert await lines_of(scratch_pool) == [
        "saga_recovery (order_id=o-2): the row is surplus",
        "The log and 17 tables differ in 1 row: 1 event, up to position 1",
    ]


async def test_personal_and_sealed_values_are_not_printed(log: Log, scratch_pool: Pool) -> None:
    await log.append_each(NOTE)
    await log.owner.execute(
        "UPDATE readmodel.order_note SET text = '{\"ciphertext\": \"stolen\"}', customer_id = 'eve'"
    )

    assert await lines_of(scratch_pool) == [
        "order_note (order_id=o-1, number=1): text differs (its values are not shown)",
        "order_note (order_id=o-1, number=1): customer_id differs (its values are not shown)",
        "The log and 17 tables differ in 1 row: 1 event, up to position 1",
    ]


async def test_only_the_first_rows_of_many_are_printed(log: Log, scratch_pool: Pool) -> None:
    await log.append_each(*LISTED)
    await log.owner.execute(
        "INSERT INTO readmodel.saga_recovery SELECT 'o-' || n, 1 FROM generate_series(101, 123) n"
    )

    assert (await lines_of(scratch_pool))[19:] == [
        "saga_recovery (order_id=o-120): the row is surplus",
        "... and 3 more rows",
        "The log and 17 tables differ in 23 rows: 1 event, up to position 1",
    ]


async def test_one_projection_is_compared_alone(log: Log, scratch_pool: Pool) -> None:
    await log.append_each(*LISTED, ReceiveStock(aggregate_id="a", quantity=3))
    await log.owner.execute("UPDATE readmodel.product_view SET price = 451")

    assert await lines_of(scratch_pool, "inventory") == [
        "The log and 2 tables agree in 1 row: 1 event, up to position 2"
    ]


async def test_an_unknown_projection_is_refused_with_the_known_names(scratch_pool: Pool) -> None:
    refusal = r"^there is no projection 'order_view': NAME is one of inventory, notes, orders, "
    with pytest.raises(UnknownProjection, match=refusal):
        await verified(scratch_pool, "order_view")


async def test_no_live_row_and_no_key_is_written(log: Log, scratch_pool: Pool) -> None:
    for commands in COMMANDS.values():
        await log.append_each(*commands)
    await log.owner.execute("UPDATE readmodel.product_view SET price = price + 1")
    before = await versions(log.owner)

    assert (await verified(scratch_pool)).differing == 2

    assert await versions(log.owner) == before
    assert before["eventstore.subject_key"]


async def test_an_erased_customer_is_no_difference(log: Log, scratch_pool: Pool) -> None:
    await log.append_each(NOTE, ERASE)
    assert await log.owner.fetch("SELECT FROM eventstore.subject_key") == []

    assert await lines_of(scratch_pool) == [
        "The log and 17 tables agree in 1 row: 2 events, up to position 2"
    ]


async def test_the_replay_of_an_erasure_erases_no_key(log: Log, scratch_pool: Pool) -> None:
    await log.append_each(NOTE)
    await log.owner.execute("CREATE TEMP TABLE backup AS SELECT * FROM eventstore.subject_key")
    await log.append_each(ERASE)
    await log.owner.execute("INSERT INTO eventstore.subject_key SELECT * FROM backup")

    assert (await verified(scratch_pool)).differing == 0

    assert len(await log.owner.fetch("SELECT FROM eventstore.subject_key")) == 1


class Erasing(Scratch):
    """Erase the key of a customer while the log is replayed."""

    async def apply(self, page: Sequence[StoredEvent]) -> None:
        await self.connection.execute(ERASED, "ada", page[-1].position + 1)


@pytest.mark.parametrize("part", [Verification.replay, Verification.compare])
async def test_the_replay_can_change_no_lasting_table(
    part: Callable[[Verification], Awaitable[object]], log: Log, scratch_pool: Pool
) -> None:
    await log.append_each(NOTE)
    async with scratch_pool.acquire() as connection:
        scratch = Erasing(connection, INLINE)
        await scratch.create()
        verification = Verification(PostgresEventStore(scratch_pool), scratch, silent)
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await part(verification)

    assert len(await log.owner.fetch("SELECT FROM eventstore.subject_key")) == 1


class Busy(Scratch):
    """Append before each comparison of a table, in the snapshot of the comparison."""

    log: Log

    async def compare(self, table: Table, max_shown: int) -> Comparison:
        await self.log.append_each(ReceiveStock(aggregate_id="a", quantity=1), *CHANGES)
        return await super().compare(table, max_shown)


async def test_appends_during_the_comparison_are_no_difference(
    log: Log, scratch_pool: Pool
) -> None:
    await log.append_each(*LISTED)
    async with scratch_pool.acquire() as connection:
        scratch = Busy(connection, INLINE)
        await scratch.create()
        scratch.log = log
        verification = Verification(PostgresEventStore(scratch_pool), scratch, silent)
        await verification.replay()
        report = await verification.compare()

    assert list(report.lines()) == [AGREES.replace("17 tables", "11 tables")]
    assert sum(map(len, log.streams.values())) == 34


async def test_events_after_the_replay_and_above_the_safe_head_are_compared(
    log: Log, scratch_pool: Pool, database_url: str
) -> None:
    """Hold the safe head at 1 by an append that stays open, and append beyond it."""
    await log.append_each(*LISTED)
    async with (
        await create_pool(database_url) as pool,
        pool.acquire() as slow,
        scratch_pool.acquire() as connection,
    ):
        scratch = Scratch(connection, INLINE)
        await scratch.create()
        verification = Verification(PostgresEventStore(scratch_pool), scratch, silent)
        async with slow.transaction():
            await slow.execute(OPEN_APPEND)
            await log.append_each(ReceiveStock(aggregate_id="a", quantity=1), *CHANGES)
            assert await log.store.safe_head() == 1
            await verification.replay()
            report = await verification.compare()

    assert list(report.lines()) == [
        "The log and 11 tables agree in 2 rows: 4 events, up to position 5"
    ]


async def test_an_unknown_event_is_named_with_its_position(log: Log, scratch_pool: Pool) -> None:
    await log.append_each(*LISTED)
    await log.owner.execute(OPEN_APPEND.replace("ProductDiscontinued", "ProductVanished"))

    with pytest.raises(NotVerified, match=r"^ProductVanished at position 2 cannot be replayed: "):
        await verified(scratch_pool)


async def test_an_event_that_no_table_takes_is_named_without_values(
    log: Log, scratch_pool: Pool
) -> None:
    """Copy an order's first event under another version, as no append would."""
    await log.append_each(*COMMANDS["order"][:1])
    await log.owner.execute("""
        INSERT INTO eventstore.event
            (stream_id, version, event_id, type, schema_version, data, metadata, recorded_at)
        SELECT stream_id, 2, gen_random_uuid(), type, schema_version, data, metadata, recorded_at
        FROM eventstore.event
    """)

    with pytest.raises(NotVerified) as refusal:
        await verified(scratch_pool)
    assert str(refusal.value) == ("OrderCreated at position 2 cannot be replayed: RowExists")


async def test_an_event_whose_row_the_database_refuses_is_named_among_others(
    log: Log, scratch_pool: Pool
) -> None:
    await log.append_each(*LISTED, *CHANGES)
    await log.owner.execute(
        "ALTER TABLE readmodel.product_view ADD CONSTRAINT cheap CHECK (price < 452) NOT VALID"
    )
    try:
        with pytest.raises(NotVerified) as refusal:
            await verified(scratch_pool)
    finally:
        await log.owner.execute("ALTER TABLE readmodel.product_view DROP CONSTRAINT cheap")
    assert str(refusal.value) == (
        "ProductPriceChanged at position 3 cannot be replayed: CheckViolationError"
    )
