from __future__ import annotations

import strawberry

from api.money import MoneyInput
from domain.order.state import OrderStatus


@strawberry.input
class OrderLineInput:
    sku: strawberry.ID
    quantity: int


@strawberry.input
class AddressInput:
    name: str
    street: str
    city: str
    postal_code: str
    country: str = strawberry.field(description="ISO 3166-1 alpha-2, upper case.")


@strawberry.input
class PlaceOrderInput:
    idempotency_key: str = strawberry.field(
        description="Yours, new for each new order; the same one again gives the first answer."
    )
    lines: list[OrderLineInput] = strawberry.field(description="Prices are the catalogue's.")
    payment_method: str = strawberry.field(description="A provider's token: pm_card_visa.")
    shipping_address: AddressInput
    expected_total: MoneyInput | None = strawberry.field(
        default=None, description="When given and wrong: PRICE_CHANGED, and nothing happens."
    )
    backorder: bool = strawberry.field(
        default=False, description="Where stock is short, wait for it rather than be rejected."
    )


@strawberry.input
class CancelOrderInput:
    idempotency_key: str
    order_id: strawberry.ID


@strawberry.input
class RequestReturnInput:
    idempotency_key: str
    order_id: strawberry.ID
    lines: list[OrderLineInput] | None = strawberry.field(
        default=None, description="What to return; everything, where it is left out."
    )


@strawberry.input
class OrderFilter:
    status: list[OrderStatus] | None = None
    customer_id: strawberry.ID | None = strawberry.field(
        default=None, description="For operators: customers see their own orders anyway."
    )
