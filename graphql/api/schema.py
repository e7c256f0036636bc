"""The schema: what each area offers, put together."""

from __future__ import annotations

from functools import cache

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext

from api.customers.mutations import CustomerMutation
from api.limits import extensions
from api.orders.mutations import OrderMutation
from api.orders.queries import OrderQuery
from api.orders.subscriptions import OrderSubscription
from api.payments.mutations import PaymentMutation
from api.products.queries import ProductQuery
from api.sagas.mutations import SagaMutation
from api.sagas.queries import SagaQuery
from api.scalars import SCALARS
from api.stock.mutations import StockMutation


@strawberry.type
class Query(OrderQuery, ProductQuery, SagaQuery):
    pass


@strawberry.type
class Mutation(CustomerMutation, OrderMutation, PaymentMutation, SagaMutation, StockMutation):
    pass


@strawberry.type
class Subscription(OrderSubscription):
    pass


class Schema(strawberry.Schema):
    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing here: Strawberry would log values. See api.errors.present()."""


@cache
def build_schema(*, introspection: bool) -> Schema:
    return Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        extensions=extensions(introspection=introspection),
        config=StrawberryConfig(scalar_map=SCALARS),
    )
