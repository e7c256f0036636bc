"""The refunds that operators have requested, as GraphQL shows them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Self

import strawberry
from strawberry.dataloader import DataLoader

from api.money import Money
from queries.refunds import RefundQueries, RefundStatus, RefundView

RefundsLoader = DataLoader[str, Sequence[RefundView]]

strawberry.enum(
    RefundStatus,
    name="OrderRefundStatus",
    description="REQUESTED: the money is promised, and not yet given back. ENDED: it is given back,"
    " or an operator has settled it.",
)


@strawberry.type
class RefundedLine:
    sku: strawberry.ID
    quantity: int


@strawberry.type(description="A refund that an operator has requested.")
class OrderRefund:
    number: int = strawberry.field(description="Counts the refunds of the order, from 1.")
    status: RefundStatus
    amount: Money = strawberry.field(description="The amount that was promised.")
    refunded: Money | None = strawberry.field(
        description="The amount that was given back. Null until the refund has ended."
    )
    lines: list[RefundedLine] = strawberry.field(
        description="The pieces whose price was promised; empty for an amount."
    )
    reason: str | None
    requested_by: str | None
    requested_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, refund: RefundView) -> Self:
        return cls(
            number=refund.number,
            status=refund.status,
            amount=Money.of(refund.amount),
            refunded=None if refund.refunded is None else Money.of(refund.refunded),
            lines=[
                RefundedLine(sku=strawberry.ID(line.sku), quantity=line.quantity)
                for line in refund.lines
            ],
            reason=refund.reason,
            requested_by=refund.requested_by,
            requested_at=refund.requested_at,
            ended_at=refund.ended_at,
        )


def refunds_loader(refunds: RefundQueries) -> RefundsLoader:
    """Return a loader that reads the refunds of all orders of one step of an operation at once."""

    async def load(order_ids: list[str]) -> list[Sequence[RefundView]]:
        found = await refunds.of_orders(order_ids)
        return [found.get(order_id, ()) for order_id in order_ids]

    return DataLoader(load_fn=load, cache=False)
