"""An inline projection that cannot take an event refuses the append."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

import asyncpg
import pytest

from domain.inventory.events import StockReceived
from domain.product.events import ProductListed
from eventstore.envelope import NewEvent, StoredEvent, StreamAppend
from eventstore.postgres import PostgresEventStore
from eventstore.versions import NO_STREAM
from kit.pool import Pool
from projections.change import Change, insert
from projections.inline import InlineReadModels, ProjectionFailed
from projections.projection import Apply, Inline
from projections.registry import INLINE
from projections.tables import product_view
from tests.integration.projections.commands import euros
from tests.integration.projections.log import METADATA

LISTED = ProductListed(sku="Zaphkiel", name="Quist", price=euros(450))
RECEIVED = StockReceived(sku="Zaphkiel", quantity=3)


def broken(event: ProductListed, stored: StoredEvent) -> Sequence[Change]:
    raise KeyError(event.name, stored.position)


def without_a_name(event: ProductListed, stored: StoredEvent) -> Sequence[Change]:
    row = {"currency": "EUR", "price": 450, "position": stored.position}
    return [insert(product_view, event.sku, name=None, **row)]


def with_a_text_as_price(event: ProductListed, stored: StoredEvent) -> Sequence[Change]:
    row = {"name": event.name, "currency": "EUR", "position": stored.position}
    return [insert(product_view, event.sku, price=event.name, **row)]


def appends() -> Sequence[StreamAppend]:
    streams = {"inventory-Zaphkiel": RECEIVED, "product-Zaphkiel": LISTED}
    return [
        StreamAppend(stream_id, [NewEvent(uuid4(), event, METADATA)], NO_STREAM)
        for stream_id, event in streams.items()
    ]


@pytest.mark.parametrize(
    ("apply", "cause"),
    [
        (broken, "KeyError"),
        (without_a_name, "NotNullViolationError"),
        (with_a_text_as_price, "DataError"),
    ],
)
async def test_an_append_is_refused_whose_event_an_inline_projection_cannot_take(
    apply: Apply, cause: str, pool: Pool, owner: asyncpg.Connection
) -> None:
    failing = Inline("failing", 1, [product_view], frozenset({ProductListed}), apply)
    others = [p for p in INLINE if p.name != "products"]
    store = PostgresEventStore(pool, [InlineReadModels([*others, failing])])

    with pytest.raises(ProjectionFailed) as refusal:
        await store.append(appends())

    assert str(refusal.value) == (
        "inline projection failing cannot take ProductListed of stream product-Zaphkiel"
        f" ({cause}): mend the projection or its table, then append again"
    )
    assert refusal.value.__cause__ is None
    for table in ("eventstore.event", "readmodel.inventory_view", "readmodel.product_view"):
        assert await owner.fetch(f"SELECT FROM {table}") == [], table
