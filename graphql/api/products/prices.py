"""Refuse a price in the catalogue at which no piece could be paid."""

from __future__ import annotations

from api.context import Context
from api.direct_commands import Check
from domain.product.commands import ChangePrice, ListProduct


def payable(command: ListProduct | ChangePrice, context: Context) -> Check:
    async def check() -> None:
        context.services.charge_limits.check_price(command.price)

    return check
