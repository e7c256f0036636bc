from __future__ import annotations

from typing import Self

import strawberry

from api.connections import PageInfo
from api.money import Money
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

    @classmethod
    def of(cls, product: ProductView) -> Self:
        return cls(
            sku=strawberry.ID(product.sku),
            name=product.name,
            price=Money.of(product.price),
            available=Long(product.available),
        )


@strawberry.type
class ProductEdge:
    cursor: str
    node: Product


@strawberry.type
class ProductConnection:
    edges: list[ProductEdge]
    page_info: PageInfo

    @classmethod
    def of(cls, page: Page[ProductView]) -> Self:
        cursors = [cursor.encode(CURSOR_KIND, product.sku) for product in page.items]
        edges = [
            ProductEdge(cursor=at, node=Product.of(product))
            for at, product in zip(cursors, page.items, strict=True)
        ]
        return cls(edges=edges, page_info=PageInfo.of(page, cursors))
