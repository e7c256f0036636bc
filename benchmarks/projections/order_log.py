"""Fill a log with whole orders, inside PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from domain.order import events as e
from domain.order.lines import OrderLine
from domain.order.price import Price
from domain.order.promises import Promises
from domain.privacy import Sealed
from stack.postgres import connected

ORDER_ID: Final = "ORDER_ID"
"""It stands for the id in the events below."""

_FILL: Final = Path(__file__).with_suffix(".sql").read_text()
_CIPHERTEXT: Final = "c2FtcGxlIG5vbmNlLCBjaXBoZXJ0ZXh0IGFuZCB0YWc=" * 5
_PROMISES: Final = Promises(
    backorder=timedelta(days=1),
    payment_window=timedelta(minutes=15),
    dispatch=timedelta(days=2),
    delivery=timedelta(days=5),
    return_window=timedelta(days=14),
    return_delivery=timedelta(days=30),
)


def events_of_an_order(order_id: str = ORDER_ID) -> Sequence[e.OrderEvent]:
    """Return the events of an order of two products that is delivered and kept."""
    return [
        order_created(order_id),
        e.OrderReserved(order_id=order_id),
        e.OrderAuthorized(order_id=order_id),
        e.OrderConfirmed(order_id=order_id),
        e.OrderShipped(order_id=order_id),
        e.OrderDelivered(order_id=order_id),
        e.OrderCompleted(order_id=order_id),
    ]


async def fill(url: str, events: int) -> int:
    """Insert whole orders of about this many events into an empty log; return their number.

    The log is vacuumed, analysed and written to disk.
    """
    orders = events // EVENTS_OF_AN_ORDER
    templates = events_of_an_order()
    types = [type(event).__name__ for event in templates]
    async with connected(url) as connection:
        await connection.execute("SET synchronous_commit = off")
        await connection.fetch(_FILL, orders, types, [t.model_dump_json() for t in templates])
        await connection.execute("VACUUM (ANALYZE) eventstore.event")
        await connection.execute("CHECKPOINT")
    return orders * EVENTS_OF_AN_ORDER


def order_created(order_id: str) -> e.OrderCreated:
    customer = f"customer-of-{order_id}"
    sealed = Sealed(
        subject=customer,
        key_id=UUID("3a1c7b52-8c0e-4f0b-9d53-2f6f6a7f1e10"),
        ciphertext=_CIPHERTEXT,
    )
    lines = (
        _line("cup", quantity=2, unit_price=450, discount=90, tax=154),
        _line("pot", quantity=1, unit_price=2_100, discount=210, tax=359),
    )
    return e.OrderCreated(
        order_id=order_id,
        customer_id=customer,
        lines=lines,
        price=Price.of(lines, "EUR", shipping=490, shipping_tax=93),
        payment_method="pm_card_visa",
        shipping_address=sealed,
        contact=sealed,
        fingerprint="5d41402abc4b2a76b9719d911017c592",
        number=f"W-{order_id}",
        promises=_PROMISES,
        reference=f"shop-{order_id}",
        metadata={"channel": "web"},
        discount_code="WELCOME",
    )


def _line(sku: str, *, quantity: int, unit_price: int, discount: int, tax: int) -> OrderLine:
    return OrderLine(
        id=f"line-of-{sku}",
        sku=sku,
        name=f"A {sku}",
        quantity=quantity,
        unit_price=unit_price,
        discount=discount,
        tax=tax,
    )


EVENTS_OF_AN_ORDER: Final = len(events_of_an_order())
