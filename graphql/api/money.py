from __future__ import annotations

from typing import Self

import strawberry

from api.scalars import Long
from domain import money as domain
from domain.order import price as domain_price


@strawberry.type(description="An amount in the currency's minor unit, cents for EUR.")
class Money:
    amount: Long
    currency: str = strawberry.field(description="An ISO 4217 alphabetic code.")

    @classmethod
    def of(cls, money: domain.Money) -> Self:
        return cls(amount=Long(money.amount), currency=money.currency)


@strawberry.type(description="A price in its parts: lines - discount + shipping + tax = total.")
class Price:
    lines: Money = strawberry.field(description="The sum of the lines, without discount and tax.")
    discount: Money
    shipping: Money = strawberry.field(description="The shipping, without tax.")
    tax: Money = strawberry.field(description="All tax, on the lines and on the shipping.")
    shipping_tax: Money = strawberry.field(description="The part of `tax` that is on the shipping.")
    total: Money

    @classmethod
    def of(cls, price: domain_price.Price) -> Self:
        def money(amount: int) -> Money:
            return Money(amount=Long(amount), currency=price.currency)

        return cls(
            lines=money(price.lines),
            discount=money(price.discount),
            shipping=money(price.shipping),
            tax=money(price.tax),
            shipping_tax=money(price.shipping_tax),
            total=money(price.total),
        )


@strawberry.input(description="An amount in the currency's minor unit, cents for EUR.")
class MoneyInput:
    amount: Long
    currency: str = strawberry.field(description="An ISO 4217 alphabetic code.")
