"""Two builds know two versions of a projection, and run beside each other during a rollout."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import asyncpg
from sqlalchemy import Column, Integer, MetaData, Table, Text

from domain.inventory.events import StockReceived
from domain.product.commands import ListProduct
from domain.product.events import ProductListed
from eventstore.envelope import StoredEvent
from eventstore.postgres import PostgresEventStore
from kit.pool import Pool
from projections import products
from projections.change import Change, Plus, Step, upsert
from projections.columns import defaults
from projections.inline import InlineReadModels
from projections.products import PRODUCTS
from projections.projection import Following, Inline
from projections.rebuild import record
from projections.rebuild.procedure import rebuild
from projections.rebuild.swapping import live_version
from projections.registry import INLINE
from projections.tables import product_view
from tests.integration.projections.commands import euros
from tests.integration.projections.following import (
    append,
    follow_to,
    has_followed,
    leading,
    received,
    rows,
)
from tests.integration.projections.log import Log

receipts_2 = Table(
    "receipts_2",
    MetaData(schema="readmodel"),
    Column("sku", Text, primary_key=True),
    Column("largest", Integer, default=0),
    Column("receipts", Integer, default=0),
)
CREATE_2 = """
    CREATE TABLE readmodel.receipts_2 (
        sku text PRIMARY KEY COLLATE "C",
        largest int NOT NULL DEFAULT 0,
        receipts int NOT NULL DEFAULT 0
    );
    ALTER TABLE readmodel.receipts_2 OWNER TO waybill_projections;
"""


def apply_2(event: StockReceived, _: StoredEvent) -> Sequence[Step]:
    return [upsert(receipts_2, event.sku, largest=event.quantity, receipts=Plus(1))]


RECEIPTS_2 = Following("receipts", 2, [receipts_2], [StockReceived], apply_2)

product_view_2 = Table(
    "product_view",
    MetaData(schema="readmodel"),
    *(
        Column(c.name, c.type, primary_key=c.primary_key, default=defaults(product_view)[c.name])
        for c in product_view.columns
    ),
    Column("name_length", Integer),
)


def apply_products_2(event: ProductListed, stored: StoredEvent) -> Sequence[Change]:
    changes = [replace(change, table=product_view_2) for change in products.apply(event, stored)]
    if not isinstance(event, ProductListed):
        return changes
    return [replace(c, values={**c.values, "name_length": len(event.name)}) for c in changes]


PRODUCTS_2 = Inline("products", 2, [product_view_2], PRODUCTS.events, apply_products_2)
OLD_API = "SELECT sku, name FROM readmodel.product_view ORDER BY sku"
NEW_API = "SELECT sku, name, name_length FROM readmodel.product_view ORDER BY sku"


async def test_two_versions_of_a_following_projection_follow_the_log_beside_each_other(
    receipts: asyncpg.Connection, pool: Pool, store: PostgresEventStore
) -> None:
    await receipts.execute(CREATE_2)
    before = await append(store, *received("cup", 3, 5))
    await follow_to(pool, receipts, before)
    async with leading(pool, RECEIPTS_2):
        async with leading(pool):
            during = await append(store, *received("cup", 4))
            await has_followed(receipts, during)
            await has_followed(receipts, during, RECEIPTS_2)
        after = await append(store, *received("cup", 9))
        await has_followed(receipts, after, RECEIPTS_2)

    assert (await rows(receipts))["sku_receipts"] == [("cup", 12, 3, 4, 1)]
    of_new = await receipts.fetch("SELECT sku, largest, receipts FROM readmodel.receipts_2")
    assert [tuple(row) for row in of_new] == [("cup", 9, 4)]


async def test_an_inline_projection_is_rebuilt_when_no_worker_of_the_old_build_is_left(
    log: Log, pool: Pool, projecting: Pool, owner: asyncpg.Connection
) -> None:
    others = [projection for projection in INLINE if projection is not PRODUCTS]
    of_new_build = Log(
        PostgresEventStore(pool, [InlineReadModels([*others, PRODUCTS_2])]), log.owner
    )
    await owner.execute("ALTER TABLE readmodel.product_view ADD COLUMN name_length int")
    await log.append(ListProduct(aggregate_id="cup", name="Cup", price=euros(450)))
    await of_new_build.append(ListProduct(aggregate_id="pot", name="Teapot", price=euros(900)))
    await log.append(ListProduct(aggregate_id="tin", name="Tin", price=euros(300)))

    shown = [("cup", "Cup"), ("pot", "Teapot"), ("tin", "Tin")]
    assert [tuple(row) for row in await pool.fetch(OLD_API)] == shown
    lengths = [("cup", "Cup", None), ("pot", "Teapot", 6), ("tin", "Tin", None)]
    assert [tuple(row) for row in await pool.fetch(NEW_API)] == lengths
    async with projecting.acquire() as connection:
        assert await live_version(connection, PRODUCTS_2) == 1
        await record.request(connection, PRODUCTS_2, "test")
    await rebuild(projecting, PRODUCTS_2, lambda _, __: None)

    assert [tuple(row) for row in await pool.fetch(OLD_API)] == shown
    lengths = [("cup", "Cup", 3), ("pot", "Teapot", 6), ("tin", "Tin", 3)]
    assert [tuple(row) for row in await pool.fetch(NEW_API)] == lengths
    async with projecting.acquire() as connection:
        assert await live_version(connection, PRODUCTS_2) == 2
