"""Make stored events, and fold them into the analytics as their follower does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from domain.event import Event
from domain.money import Money
from domain.order import events as o
from domain.order.commands import CancellationReason
from domain.order.lines import Address, OrderLine
from domain.order.price import Price
from domain.payment import events as p
from eventstore.envelope import EventMetadata, StoredEvent
from eventstore.postgres import PostgresEventStore
from kit.pool import Connection, Pool
from projections.analytics.projection import ANALYTICS
from projections.copies import Copy
from projections.fold import Fold
from projections.projection import category_of
from tests.support.order_parts import PROMISES, a_line

METADATA = EventMetadata(correlation_id="test").json_text
_POSITION = "SELECT position FROM eventstore.checkpoint WHERE name = $1"
_CHECKPOINT = """
    INSERT INTO eventstore.checkpoint (name, position) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET position = excluded.position
"""


def stored(event: Event, position: int, at: datetime) -> StoredEvent:
    category = category_of(type(event))
    key = getattr(event, "sku" if category == "inventory" else "order_id")
    return StoredEvent(
        position=position,
        stream_id=f"{category}-{key}",
        version=position,
        event_id=UUID(int=position),
        type=type(event).__name__,
        schema_version=event.schema_version,
        data_json=event.model_dump_json(),
        metadata_json=METADATA,
        recorded_at=at,
    )


async def fold_in(connection: Connection, page: Sequence[StoredEvent]) -> None:
    """Fold a page in one transaction, with the checkpoint."""
    steps = [
        step for event in page if event.type in ANALYTICS.types for step in ANALYTICS.changes(event)
    ]
    async with connection.transaction():
        fold = Fold()
        await fold.add(connection, Copy.LIVE, steps)
        await fold.save(connection, Copy.LIVE)
        await connection.execute(_CHECKPOINT, ANALYTICS.checkpoint, page[-1].position)


async def rows(connection: Connection) -> dict[str, list[str]]:
    """Return all rows as text, by table."""
    texts = {
        table.name: await connection.fetch(f"SELECT t::text FROM readmodel.{table.name} AS t")  # noqa: S608 - our own names
        for table in ANALYTICS.tables
    }
    return {name: sorted(row[0] for row in found) for name, found in texts.items()}


async def empty(connection: Connection) -> None:
    for table in ANALYTICS.tables:
        await connection.execute(f"DELETE FROM readmodel.{table.name}")  # noqa: S608 - our own names


def numbered(events: Iterable[tuple[Event, datetime]], first: int = 1) -> Sequence[StoredEvent]:
    return [stored(event, n, at) for n, (event, at) in enumerate(events, start=first)]


async def follow(pool: Pool) -> int:
    """Fold the log in up to its safe head, from the checkpoint; return the last position."""
    store = PostgresEventStore(pool)
    async with pool.acquire() as connection:
        position: int = await connection.fetchval(_POSITION, ANALYTICS.checkpoint) or 0
        while page := await store.load_all_events(position, types=sorted(ANALYTICS.types)):
            await fold_in(connection, page)
            position = page[-1].position
    return position


def january() -> Sequence[StoredEvent]:
    """Return the events of two orders of January 2026: one is completed, the other cancelled."""
    day = timedelta(days=1)
    begin = datetime(2026, 1, 10, 12, tzinfo=UTC)
    facts: list[tuple[Event, timedelta]] = []
    for order_id, quantity in (("a", 1), ("b", 2)):
        line = a_line("TEA-01", quantity=quantity, unit_price=1290)
        facts.append((_created(order_id, line), timedelta(0)))
    price = Money(amount=1290, currency="EUR")
    stages = (o.OrderReserved, o.OrderAuthorized, o.OrderConfirmed, o.OrderShipped)
    facts += [(stage(order_id="a"), day) for stage in stages]
    facts += [
        (p.PaymentCaptured(order_id="a", reference="pi_1", amount=price), day),
        (o.OrderDelivered(order_id="a"), 3 * day),
        (o.OrderCompleted(order_id="a"), 17 * day),
        (o.OrderCancelled(order_id="b", reason=CancellationReason.CUSTOMER_REQUEST), day / 24),
    ]
    return numbered((event, begin + after) for event, after in facts)


def _created(order_id: str, line: OrderLine) -> Event:
    return o.OrderCreated(
        order_id=order_id,
        customer_id="ada",
        lines=(line,),
        price=Price.of([line], "EUR"),
        payment_method="pm_card_visa",
        shipping_address=Address(
            name="Ada", street="1 Sample Street", city="Testham", postal_code="1", country="GB"
        ),
        fingerprint="f",
        number="W-NZCPARBRQ5",
        promises=PROMISES,
    )
