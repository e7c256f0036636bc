from __future__ import annotations

import strawberry

from api.context import Info
from api.products.discontinuing import discontinue_product
from api.products.inputs import ChangePriceInput, DiscontinueProductInput, ListProductInput
from api.products.listing import list_product
from api.products.pricing import change_price
from api.products.types import (
    ChangePricePayload,
    DiscontinueProductPayload,
    ListProductPayload,
)


@strawberry.type
class ProductMutation:
    @strawberry.mutation(
        description="For admins: offer a product for sale, also one that was discontinued. The "
        "name and price of a product that is on sale change to these. CURRENCY_MISMATCH refuses a "
        "price in another currency than that of a product on sale."
    )
    async def list_product(self, info: Info, input: ListProductInput) -> ListProductPayload:  # noqa: A002 - its name in the contract
        return await list_product(input, info.context)

    @strawberry.mutation(
        description="For admins: change the price for orders from now on. Orders keep the price at "
        "which they were placed. Refused with UNKNOWN_SKU, PRODUCT_DISCONTINUED, or "
        "CURRENCY_MISMATCH for a price in another currency than before."
    )
    async def change_price(self, info: Info, input: ChangePriceInput) -> ChangePricePayload:  # noqa: A002 - its name in the contract
        return await change_price(input, info.context)

    @strawberry.mutation(
        description="For admins: stop the sale of a product. Orders that were placed before, their "
        "backorders and their returns continue. Refused with UNKNOWN_SKU. List the product to sell "
        "it again."
    )
    async def discontinue_product(
        self,
        info: Info,
        input: DiscontinueProductInput,  # noqa: A002 - its name in the contract
    ) -> DiscontinueProductPayload:
        return await discontinue_product(input, info.context)
