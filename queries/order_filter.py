"""The conditions of a search for orders."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Text,
    bindparam,
    cast,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.types import TypeEngine

from domain.order.state import OrderStatus
from projections.tables import (
    backorder_view,
    order_contact,
    order_view,
    payment_view,
    shipment_view,
)
from queries.order_waits import WaitingFor, needing_attention, waiting


@dataclass(frozen=True, slots=True)
class TotalRange:
    """Totals of one currency in its minor unit, both bounds included."""

    currency: str
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """A filter whose None values do not restrict."""

    customer_id: str | None = None
    statuses: Collection[OrderStatus] | None = None
    reference: str | None = None
    metadata: tuple[str, str] | None = None
    """A key and its value."""
    sku: str | None = None
    placed_from: datetime | None = None
    placed_before: datetime | None = None
    total: TotalRange | None = None
    reasons: Collection[str] | None = None
    return_requested: bool | None = None
    backordered: bool | None = None
    needs_attention: bool | None = None
    tracking_number: str | None = None
    payment_reference: str | None = None
    email_digest: str | None = None
    """The digest of the customer's e-mail address."""
    waiting_for: Collection[WaitingFor] | None = None
    """One or more parties; the order waits for one of them."""
    waiting_since: datetime | None = None
    """The order has waited since this time or before."""

    @property
    def is_wide(self) -> bool:
        """Return whether nearly all orders pass: at most, the few with a flag are left out."""
        return all(getattr(self, field.name) in (None, False) for field in fields(self))


# The expression of the index order_view_skus_idx.
_SKUS: Final = literal_column(
    "jsonb_path_query_array(readmodel.order_view.lines, '$[*].sku')", JSONB
)


def _in_text(value: object, type_: TypeEngine[Any]) -> BindParameter[Any]:
    """Put the value into the text of the statement, so that PostgreSQL plans for this value.

    A plan for any value assumes that many orders pass, and looks for them in the order of the list.
    """
    return bindparam(None, value, type_, literal_execute=True)


def _json(value: object) -> ColumnElement[Any]:
    return cast(_in_text(json.dumps(value), Text()), JSONB)


def conditions(wanted: OrderFilter) -> Iterator[ColumnElement[bool]]:
    """Yield the conditions on `order_view` and on the payment and the shipment joined to it."""
    yield from _own(wanted)
    yield from _placed(wanted)
    if wanted.total is not None:
        yield from _total(wanted.total)
    if wanted.tracking_number is not None:
        yield shipment_view.c.tracking_number == wanted.tracking_number
    if wanted.payment_reference is not None:
        yield payment_view.c.reference == wanted.payment_reference
    if wanted.email_digest is not None:
        found = order_contact.c.email_digest == wanted.email_digest
        yield order_view.c.order_id.in_(select(order_contact.c.order_id).where(found))
    if wanted.backordered is not None:
        waits = order_view.c.order_id.in_(select(backorder_view.c.order_id))
        yield waits if wanted.backordered else ~waits
    if wanted.needs_attention is not None:
        needs = order_view.c.order_id.in_(needing_attention)
        yield needs if wanted.needs_attention else ~needs
    if wanted.waiting_for is not None:
        yield waiting(wanted.waiting_for, wanted.waiting_since)


def _own(wanted: OrderFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.customer_id is not None:
        yield order_view.c.customer_id == wanted.customer_id
    if wanted.statuses is not None:
        yield order_view.c.status.in_(wanted.statuses)
    if wanted.reference is not None:
        yield order_view.c.reference == wanted.reference
    if wanted.metadata is not None:
        yield order_view.c.metadata.contains(_json(dict([wanted.metadata])))
    if wanted.sku is not None:
        yield _SKUS.contains(_json([wanted.sku]))
    if wanted.reasons is not None:
        yield order_view.c.reason.in_(wanted.reasons)
    if wanted.return_requested is not None:
        requested = order_view.c.return_requested
        yield requested if wanted.return_requested else ~requested


def _placed(wanted: OrderFilter) -> Iterator[ColumnElement[bool]]:
    if wanted.placed_from is not None:
        yield order_view.c.placed_at >= wanted.placed_from
    if wanted.placed_before is not None:
        yield order_view.c.placed_at < wanted.placed_before


def _total(wanted: TotalRange) -> Iterator[ColumnElement[bool]]:
    yield order_view.c.currency == wanted.currency
    if wanted.minimum is not None:
        yield order_view.c.total >= _in_text(wanted.minimum, BigInteger())
    if wanted.maximum is not None:
        yield order_view.c.total <= _in_text(wanted.maximum, BigInteger())
