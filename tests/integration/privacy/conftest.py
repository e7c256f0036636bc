from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from domain.customer.commands import ErasureReason
from domain.customer.events import CustomerErased
from domain.event import Event
from domain.order.contact import Contact
from domain.order.events import OrderCreated
from domain.order.lines import Address
from domain.order.number import order_number
from domain.order.price import Price
from eventstore.envelope import EventMetadata, NewEvent
from eventstore.postgres import PostgresEventStore
from eventstore.privacy.vault import Vault
from eventstore.protocol import InlineProjection
from eventstore.versions import ANY
from kit.pool import Pool
from projections.inline import InlineReadModels
from tests.support.keys import a_vault
from tests.support.order_parts import PROMISES, a_line

ADDRESS = Address(
    name="Zaphkiel Quist",
    street="77 Umbral Terrace",
    city="Vexhollow",
    postal_code="QX-90417",
    country="BW",  # a country without postal codes takes any
    line2="Flat Gloamward",
    region="Brackenmoor",
    company="Thistlewick Ltd",
    phone="+26771234987",
)
CONTACT = Contact(
    email="nyxandra@wraithmere.example.org",
    phone="+442079460958",
    locale="zu-ZA",
    time_zone="Antarctica/Troll",
)
MARKERS = (
    *("Zaphkiel", "Quist", "Umbral", "Vexhollow", "QX-90417"),
    *("Gloamward", "Brackenmoor", "Thistlewick", "+26771234987"),
    *("nyxandra", "wraithmere", "+442079460958", "zu-ZA", "Antarctica/Troll"),
)
"""A text of each personal field, which occurs nowhere else."""


def created(
    order_id: str,
    customer_id: str = "ada",
    address: Address = ADDRESS,
    contact: Contact | None = CONTACT,
) -> OrderCreated:
    return OrderCreated(
        order_id=order_id,
        customer_id=customer_id,
        lines=(a_line("mug", quantity=1, unit_price=250),),
        price=Price(currency="EUR", lines=250, total=250),
        payment_method="pm_card_visa",
        shipping_address=address,
        contact=contact,
        fingerprint="f",
        promises=PROMISES,
        number=order_number(order_id, 0),
    )


@dataclass
class Log:
    """A store with a vault, and the contents of its tables."""

    pool: Pool
    vault: Vault
    inline: Sequence[InlineProjection] = (InlineReadModels(),)

    @property
    def store(self) -> PostgresEventStore:
        return PostgresEventStore(self.pool, self.inline, self.vault)

    async def append(self, stream_id: str, *events: Event) -> int:
        metadata = EventMetadata(correlation_id=stream_id)
        new = [NewEvent(uuid4(), event, metadata) for event in events]
        return (await self.store.save_events(stream_id, new, ANY)).last_position

    async def place(self, order_id: str, customer_id: str = "ada") -> OrderCreated:
        """Place an order; return the event as the log has it."""
        await self.append(f"order-{order_id}", created(order_id, customer_id))
        return await self.placed(order_id)

    async def placed(self, order_id: str) -> OrderCreated:
        event = (await self.store.load_events(f"order-{order_id}"))[0].decode()
        assert isinstance(event, OrderCreated)
        return event

    async def erase(self, customer_id: str = "ada") -> int:
        erased = CustomerErased(customer_id=customer_id, reason=ErasureReason.CUSTOMER_REQUEST)
        return await self.append(f"customer-{customer_id}", erased)

    async def keys(self, customer_id: str = "ada") -> list[Any]:
        async with self.pool.acquire() as connection:
            return await connection.fetch(
                "SELECT * FROM eventstore.subject_key WHERE subject = $1", customer_id
            )


@pytest.fixture
def log(pool: Pool) -> Log:
    return Log(pool, a_vault(pool))


TextOfTables = Callable[[], Awaitable[str]]


@pytest.fixture
def text_of_tables(pool: Pool) -> TextOfTables:
    """Return every column of every row of every table, as text."""

    async def read() -> str:
        return await everything(pool)

    return read


async def everything(pool: Pool) -> str:
    async with pool.acquire() as connection:
        names = await connection.fetch(
            "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        assert {"eventstore.event", "readmodel.order_view"} <= {row["name"] for row in names}
        rows = [await connection.fetch(f"SELECT t::text FROM {r['name']} t") for r in names]  # noqa: S608 - our own tables
    return "\n".join(row[0] for table in rows for row in table)
