"""The refunds that operators have requested."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncEngine

from domain.money import Money
from domain.order.lines import ReturnedLine
from projections.tables import order_refund


class RefundStatus(StrEnum):
    REQUESTED = "REQUESTED"
    """The money is promised, and on its way or parked."""
    ENDED = "ENDED"


@dataclass(frozen=True, slots=True)
class RefundView:
    number: int
    """Counts the refunds of the order, from 1."""
    status: RefundStatus
    amount: Money
    """The amount that was promised."""
    refunded: Money | None
    """The amount that Waybill has given back; None until the refund has ended."""
    lines: Sequence[ReturnedLine]
    """The pieces whose price was promised; empty for an amount."""
    reason: str
    requested_by: str | None
    requested_at: datetime
    ended_at: datetime | None


_REFUNDS: Final[Select[Any]] = select(order_refund).order_by(
    order_refund.c.order_id, order_refund.c.number
)


class RefundQueries:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def of_orders(self, order_ids: Sequence[str]) -> Mapping[str, Sequence[RefundView]]:
        """Return the refunds of these orders, oldest first, in one query."""
        statement = _REFUNDS.where(order_refund.c.order_id.in_(order_ids))
        refunds: defaultdict[str, list[RefundView]] = defaultdict(list)
        async with self._engine.connect() as connection:
            for row in await connection.execute(statement):
                refunds[row.order_id].append(_refund(row))
        return refunds

    async def made_under(self, order_id: str, key: str) -> RefundView | None:
        """Return the refund that was requested under this key."""
        mine = order_refund.c.order_id == order_id, order_refund.c.key == key
        async with self._engine.connect() as connection:
            row = (await connection.execute(_REFUNDS.where(*mine))).one_or_none()
        return None if row is None else _refund(row)


def _refund(row: Row[Any]) -> RefundView:
    return RefundView(
        number=row.number,
        status=RefundStatus.REQUESTED if row.ended_at is None else RefundStatus.ENDED,
        amount=_money(row.amount, row.currency),
        refunded=None if row.refunded is None else _money(row.refunded, row.currency),
        lines=[ReturnedLine.model_construct(**line) for line in row.lines],
        reason=row.reason,
        requested_by=row.requested_by,
        requested_at=row.requested_at,
        ended_at=row.ended_at,
    )


def _money(amount: int, currency: str) -> Money:
    # The values in a read model were checked when their event was made.
    return Money.model_construct(amount=amount, currency=currency)
