from __future__ import annotations

from typing import Self

import strawberry

from api.scalars import Long
from domain import money as domain


@strawberry.type(description="An amount in the currency's minor unit, cents for EUR.")
class Money:
    amount: Long
    currency: str = strawberry.field(description="An ISO 4217 alphabetic code.")

    @classmethod
    def of(cls, money: domain.Money) -> Self:
        return cls(amount=Long(money.amount), currency=money.currency)


@strawberry.input(description="An amount in the currency's minor unit, cents for EUR.")
class MoneyInput:
    amount: Long
    currency: str = strawberry.field(description="An ISO 4217 alphabetic code.")
