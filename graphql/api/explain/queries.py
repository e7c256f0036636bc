from __future__ import annotations

from typing import Annotated

import strawberry

from api.context import Info
from api.errors import not_found
from api.explain.types import OrderExplanation
from domain.identifiers import is_identifier

IdOrNumber = Annotated[
    strawberry.ID, strawberry.argument(description="The id of the order, or its number.")
]


@strawberry.type
class ExplainQuery:
    @strawberry.field(
        description="For operators: what has happened to an order, what it waits for, and where "
        "its money and its stock are. It also answers while Temporal is away. NOT_FOUND for an "
        "order that does not exist."
    )
    async def explain(self, info: Info, order_id: IdOrNumber) -> OrderExplanation:
        explanations = info.context.services.explanations
        found = await explanations.get(order_id) if is_identifier(order_id) else None
        if found is None:
            raise not_found("order", "orderId")
        return OrderExplanation.of(found)
