"""Assemble the schema from the queries, mutations and subscriptions of each area."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from functools import cache
from typing import Any, Final

import strawberry
from graphql import GraphQLError
from strawberry.schema.config import StrawberryConfig
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType

from api.access import apply_access
from api.analytics.queries import AnalyticsQuery
from api.analytics.subscriptions import AnalyticsSubscription
from api.customers.mutations import CustomerMutation
from api.dead_letters.mutations import DeadLetterMutation
from api.dead_letters.queries import DeadLetterQuery
from api.discrepancies.mutations import DiscrepancyMutation
from api.discrepancies.queries import DiscrepancyQuery
from api.document_limits import DocumentTooLarge, check_length
from api.error_meanings import describe_error_codes
from api.events.queries import EventQuery
from api.explain.entries import ENTRY_TYPES
from api.explain.queries import ExplainQuery
from api.fanout import SharingExecutor
from api.idempotency import report_replays
from api.inventory.mutations import InventoryMutation
from api.inventory.queries import InventoryQuery
from api.limits import extensions
from api.notes.mutations import NoteMutation
from api.notifications.meanings import describe_notifications
from api.notifications.subscriptions import NotificationSubscription
from api.operator_notices.mutations import OperatorNoticeMutation
from api.operator_notices.queries import OperatorNoticeQuery
from api.orders.mutations import OrderMutation
from api.orders.queries import OrderQuery
from api.orders.subscriptions import OrderSubscription
from api.payments.mutations import PaymentMutation
from api.preferences.mutations import PreferenceMutation
from api.preferences.queries import PreferenceQuery
from api.products.mutations import ProductMutation
from api.products.queries import ProductQuery
from api.projections.mutations import ProjectionMutation
from api.projections.queries import ProjectionQuery
from api.push.mutations import PushMutation
from api.push.queries import PushQuery
from api.refunds.mutations import RefundMutation
from api.replica import execute
from api.sagas.mutations import SagaMutation
from api.sagas.queries import SagaQuery
from api.scalars import scalars
from api.suppressions.mutations import SuppressionMutation
from api.suppressions.queries import SuppressionQuery
from api.webhook_endpoints.mutations import WebhookMutation
from api.webhook_endpoints.queries import WebhookQuery
from eventstore.positions import PositionCodec


@strawberry.type
class Query(
    OrderQuery,
    ProductQuery,
    InventoryQuery,
    SagaQuery,
    EventQuery,
    ExplainQuery,
    ProjectionQuery,
    DeadLetterQuery,
    DiscrepancyQuery,
    AnalyticsQuery,
    WebhookQuery,
    PreferenceQuery,
    SuppressionQuery,
    OperatorNoticeQuery,
    PushQuery,
):
    pass


@strawberry.type
class Mutation(
    CustomerMutation,
    OrderMutation,
    NoteMutation,
    PaymentMutation,
    SagaMutation,
    InventoryMutation,
    ProductMutation,
    ProjectionMutation,
    DeadLetterMutation,
    DiscrepancyMutation,
    RefundMutation,
    WebhookMutation,
    PreferenceMutation,
    SuppressionMutation,
    OperatorNoticeMutation,
    PushMutation,
):
    pass


@strawberry.type
class Subscription(OrderSubscription, NotificationSubscription, AnalyticsSubscription):
    pass


ANSWERED: Final = {OperationType.QUERY, OperationType.MUTATION}
"""The operations with one response. A subscription has a stream of responses and needs a socket."""


class Schema(strawberry.Schema):
    """Strawberry's schema, which also refuses a text that is too long before parsing it.

    It executes queries over the read replica.
    """

    def _get_execute_function(self) -> Callable[..., Any]:
        return execute

    async def execute(self, query: str | None, *args: Any, **kwargs: Any) -> ExecutionResult:  # noqa: ANN401 - passed on
        try:
            check_length(query)
        except DocumentTooLarge as fault:
            return PreExecutionError(data=None, errors=[fault])
        allowed = kwargs.get("allowed_operation_types", ANSWERED)
        kwargs["allowed_operation_types"] = ANSWERED & set(allowed)
        return await super().execute(query, *args, **kwargs)

    async def stream(self, query: str | None, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - passed on
        try:
            check_length(query)
        except DocumentTooLarge as fault:
            return _refused(fault)
        return await super().stream(query, *args, **kwargs)

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing here: Strawberry would log values. See api.errors.present()."""


async def _refused(fault: DocumentTooLarge) -> AsyncIterator[ExecutionResult]:
    yield PreExecutionError(data=None, errors=[fault])


@cache
def build_schema(positions: PositionCodec, *, introspection: bool) -> Schema:
    schema = Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=ENTRY_TYPES,
        extensions=extensions(introspection=introspection),
        execution_context_class=SharingExecutor,
        config=StrawberryConfig(scalar_map=scalars(positions)),
    )
    apply_access(schema._schema)
    report_replays(schema._schema)
    describe_error_codes(schema._schema)
    describe_notifications(schema._schema)
    return schema
