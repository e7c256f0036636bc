from __future__ import annotations

from typing import Self

import strawberry

from api.connections import Connection, Cursor, First
from api.context import Info
from api.money import Money
from api.payload import Payload
from api.products.price_history import PriceConnection, price_history
from api.scalars import Long
from queries import cursor
from queries.keyset import Page
from queries.products import ProductView

CURSOR_KIND = "product"


@strawberry.type
class Product:
    sku: strawberry.ID
    name: str
    price: Money
    available: Long = strawberry.field(description="The stock on hand that no order has reserved.")
    discontinued: bool = strawberry.field(
        description="No new order may contain it. Orders that were placed before continue."
    )

    @strawberry.field(
        description="Each price with the time from which it applied, the newest first. A product "
        "that is listed again after it was discontinued has an entry for that too."
    )
    async def price_history(
        self, info: Info, *, first: First = None, after: Cursor = None
    ) -> PriceConnection:
        return await price_history(self.sku, first, after, info.context)

    @classmethod
    def of(cls, product: ProductView) -> Self:
        return cls(
            sku=strawberry.ID(product.sku),
            name=product.name,
            price=Money.of(product.price),
            available=Long(product.available),
            discontinued=product.discontinued,
        )


@strawberry.type
class ProductConnection(Connection[Product]):
    @classmethod
    def of(cls, page: Page[ProductView]) -> Self:
        cursors = [cursor.encode(CURSOR_KIND, product.sku) for product in page.items]
        nodes = [Product.of(product) for product in page.items]
        return cls.holding(page, cursors, nodes)


@strawberry.type
class ProductPayload(Payload):
    product: Product | None = None


@strawberry.type
class ListProductPayload(ProductPayload):
    pass


@strawberry.type
class ChangePricePayload(ProductPayload):
    pass


@strawberry.type
class DiscontinueProductPayload(ProductPayload):
    pass
