"""Restrict who may read each field and run each mutation: every field of every type has one rule.

For objects, `Viewer.may_see()` is the rule: customers can read the orders that they placed. The API
answers a request for any other order as if it did not exist. See
docs/decisions/0015-access-and-positions.md.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from graphql import (
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    default_field_resolver,
    is_introspection_type,
    is_non_null_type,
)

from api.auth import Role, Viewer
from api.context import Context
from api.errors import forbidden
from api.public_values import (
    public_attempts,
    public_decline_code,
    public_saga_status,
    public_step_state,
    public_stock,
    public_undo_state,
)


class Access(Enum):
    VIEWER = "every viewer who has reached the object"
    OWNER = "the customer whose order it is, and staff"
    STAFF = "operators"
    ADMIN = "admins"

    def admits(self, viewer: Viewer) -> bool:
        """Return whether the viewer's role is enough. The resolver checks an OWNER."""
        match self:
            case Access.STAFF:
                return viewer.is_staff
            case Access.ADMIN:
                return viewer.role is Role.ADMIN
            case _:
                return True


@dataclass(frozen=True, slots=True)
class Coarse:
    """Show staff the value and customers the result of `show`. `note` extends the description."""

    show: Callable[[Any, Context], object]
    note: str


Rule = Access | Coarse
Rules = Mapping[str, Rule]


def _each(rule: Rule, names: str) -> Rules:
    return dict.fromkeys(names.split(), rule)


_PAYLOAD: Final[Rules] = {
    **_each(Access.VIEWER, "position userErrors replayed"),
    "positionNumber": Access.STAFF,
}
_ORDER_PAYLOAD: Final[Rules] = {"order": Access.VIEWER, **_PAYLOAD}
_PRODUCT_PAYLOAD: Final[Rules] = {"product": Access.VIEWER, **_PAYLOAD}
_STEP: Final[Rules] = {
    **_each(Access.VIEWER, "name description startedAt endedAt"),
    **_each(Access.STAFF, "attempts lastError parking"),
    "attemptHistory": Coarse(
        public_attempts,
        "Customers do not see failed calls, and see `card_declined` for every decline that they "
        "cannot resolve.",
    ),
}
_LOGGED: Final = "position positionNumber stream version type actor step workflowId"
_PARKED_STATUS: Final = "Customers never see PARKED; they see the status that preceded it."
_PARKED_STATE: Final = "Customers see a parked step as RUNNING, and a parked undo as UNDOING."

RULES: Final[Mapping[str, Rules]] = {
    "Query": {
        **_each(Access.OWNER, "order orders saga notificationPreferences pushSubscriptions"),
        **_each(Access.VIEWER, "product products vapidPublicKey"),
        **_each(Access.STAFF, "discrepancies parkedSagas stock stocks productHistory"),
        **_each(Access.STAFF, "events explain projections analytics deadLetters webhook webhooks"),
        "emailSuppression": Access.STAFF,
        "operatorNotices": Access.STAFF,
    },
    "Mutation": {
        **_each(Access.VIEWER, "placeOrder setNotificationPreferences subscribeToPush"),
        "unsubscribeFromPush": Access.OWNER,
        **_each(Access.OWNER, "cancelOrder requestReturn retryPayment"),
        **_each(Access.STAFF, "retrySaga skipSagaStep resolveSaga compensateSaga receiveStock"),
        **_each(Access.STAFF, "addOrderNote adjustStock refundOrder acceptDiscrepancy"),
        **_each(Access.STAFF, "redriveProjection redriveDeadLetter discardDeadLetter"),
        **_each(Access.STAFF, "registerWebhook updateWebhook disableWebhook enableWebhook"),
        **_each(Access.STAFF, "rotateWebhookSecret testWebhook replayWebhook"),
        **_each(Access.STAFF, "suppressEmail liftEmailSuppression"),
        "acknowledgeNotice": Access.STAFF,
        "rebuildProjection": Access.ADMIN,
        **_each(Access.ADMIN, "eraseCustomer listProduct changePrice discontinueProduct"),
    },
    "Subscription": {
        **_each(Access.OWNER, "orderUpdates notifications"),
        "analytics": Access.STAFF,
    },
    "Order": {
        **_each(Access.VIEWER, "id number status reason customerId total lines"),
        **_each(Access.VIEWER, "promises payment shipment reference metadata"),
        **_each(Access.VIEWER, "price refunded refunds discountCode"),
        **_each(Access.VIEWER, "returnRequested backordered placedAt updatedAt position"),
        **_each(Access.OWNER, "shippingAddress contact notifications"),
        **_each(Access.STAFF, "needsAttention waits notes positionNumber"),
    },
    "OrderNote": _each(Access.STAFF, "number text actor at"),
    "Address": _each(
        Access.OWNER, "name company street line2 city region postalCode country phone"
    ),
    "Contact": _each(Access.OWNER, "email phone locale timeZone"),
    "OrderWait": _each(Access.STAFF, "waitingFor since"),
    "OrderNotification": {
        **_each(Access.VIEWER, "id kind channel state attempts createdAt endedAt"),
        "cause": Access.STAFF,
    },
    "OrderConnection": _each(Access.VIEWER, "edges pageInfo totalCount"),
    "OrderEdge": _each(Access.VIEWER, "cursor node"),
    "MetadataEntry": _each(Access.VIEWER, "key value"),
    "OrderPromises": _each(Access.VIEWER, "paymentWindow dispatch delivery returnWindow"),
    "OrderLine": _each(Access.VIEWER, "id sku name quantity unitPrice total discount tax"),
    "OrderUpdate": {
        **_each(Access.VIEWER, "order eventType position"),
        "positionNumber": Access.STAFF,
    },
    "Lagged": {"position": Access.VIEWER, "positionNumber": Access.STAFF},
    "Notification": {
        **_each(Access.VIEWER, "kind orderId orderNumber eventId position at"),
        **_each(Access.VIEWER, "language title body"),
        "positionNumber": Access.STAFF,
    },
    "NotificationsStart": {"position": Access.VIEWER, "positionNumber": Access.STAFF},
    "Payment": {
        **_each(
            Access.VIEWER, "status attempt amount captured refunded refundedElsewhere actionUrl"
        ),
        **_each(Access.VIEWER, "disputed disputeWon disputeLost"),
        "declineCode": Coarse(
            public_decline_code,
            "Customers see `card_declined` for every decline that they cannot resolve.",
        ),
    },
    "Shipment": _each(Access.VIEWER, "status trackingNumber carrier trackingUrl"),
    "Product": {
        **_each(Access.VIEWER, "sku name price discontinued priceHistory"),
        "available": Coarse(
            public_stock,
            "Customers see at most WAYBILL_PUBLIC_STOCK_LIMIT, which means this number or more.",
        ),
    },
    "ProductConnection": _each(Access.VIEWER, "edges pageInfo"),
    "ProductEdge": _each(Access.VIEWER, "cursor node"),
    "PriceConnection": _each(Access.VIEWER, "edges pageInfo"),
    "PriceEntryEdge": _each(Access.VIEWER, "cursor node"),
    "PriceEntry": {**_each(Access.VIEWER, "price since"), "actor": Access.STAFF},
    "ProductChange": _each(Access.STAFF, "kind name price actor at"),
    "ProductChangeConnection": _each(Access.STAFF, "edges pageInfo"),
    "ProductChangeEdge": _each(Access.STAFF, "cursor node"),
    "Stock": _each(Access.STAFF, "sku received onHand reserved available waiting shipped history"),
    "StockConnection": _each(Access.STAFF, "edges pageInfo"),
    "StockEdge": _each(Access.STAFF, "cursor node"),
    "StockChange": {
        **_each(Access.STAFF, "kind quantity orderId reason actor at"),
        **_each(Access.STAFF, "onHand reserved available"),
    },
    "StockChangeConnection": _each(Access.STAFF, "edges pageInfo"),
    "StockChangeEdge": _each(Access.STAFF, "cursor node"),
    "Event": {
        **_each(Access.STAFF, "id position positionNumber stream version type schemaVersion"),
        **_each(Access.STAFF, "recordedAt correlationId actor data"),
    },
    "EventConnection": _each(Access.STAFF, "edges pageInfo"),
    "EventEdge": _each(Access.STAFF, "cursor node"),
    "Saga": {
        **_each(Access.VIEWER, "orderId orderNumber steps"),
        **_each(Access.STAFF, "needsAttention parkedSince recoveries workflowIds"),
        **_each(Access.STAFF, "interventions discrepancies position positionNumber"),
        "status": Coarse(public_saga_status, _PARKED_STATUS),
    },
    "SagaStep": {
        **_STEP,
        "undo": Access.VIEWER,
        "state": Coarse(public_step_state, _PARKED_STATE),
    },
    "SagaUndo": {**_STEP, "state": Coarse(public_undo_state, _PARKED_STATE)},
    "SagaAttempt": {
        **_each(Access.VIEWER, "number outcome startedAt endedAt code"),
        **_each(Access.STAFF, "message reference"),
    },
    "SagaStepError": _each(Access.STAFF, "code message"),
    "SagaParking": _each(
        Access.STAFF, "number since code message attempts failedAt nextRetryAt workflowId"
    ),
    "SagaIntervention": _each(Access.STAFF, "step parking kind reason actor at"),
    "SagaDiscrepancy": _each(Access.STAFF, "system ours theirs since accepted"),
    "DiscrepancyAcceptance": _each(Access.STAFF, "reason actor at"),
    "Discrepancy": _each(Access.STAFF, "orderId orderNumber system ours theirs since accepted"),
    "DiscrepancyConnection": _each(Access.STAFF, "edges pageInfo"),
    "DiscrepancyEdge": _each(Access.STAFF, "cursor node"),
    "OrderRefund": {
        **_each(Access.VIEWER, "number status amount refunded lines requestedAt endedAt"),
        **_each(Access.STAFF, "reason requestedBy"),
    },
    "RefundedLine": _each(Access.VIEWER, "sku quantity"),
    "SagaConnection": _each(Access.STAFF, "edges pageInfo"),
    "SagaEdge": _each(Access.STAFF, "cursor node"),
    "AnalyticsTick": _each(Access.STAFF, "position positionNumber analytics"),
    "Analytics": {
        **_each(Access.STAFF, "from to timeZone grain position positionNumber totals overTime"),
        **_each(Access.STAFF, "cancellations rejections declines backorderWaits topProducts"),
        **_each(Access.STAFF, "funnel sagas"),
    },
    "AnalyticsFigures": {
        **_each(Access.STAFF, "currency orders orderValue averageOrderValue captured refunds"),
        **_each(Access.STAFF, "refunded net declines rejected stockOuts cancelled completed"),
        **_each(Access.STAFF, "returnsRequested returnsLapsed returned returnedWhole"),
    },
    "AnalyticsBucket": _each(Access.STAFF, "from to figures"),
    "AnalyticsReason": _each(Access.STAFF, "reason count"),
    "AnalyticsDurations": _each(Access.STAFF, "count p50 p90 p99 relativeError"),
    "AnalyticsSaga": _each(Access.STAFF, "outcome durations"),
    "AnalyticsProduct": _each(Access.STAFF, "sku pieces value"),
    "AnalyticsStage": _each(Access.STAFF, "stage orders"),
    "Price": _each(Access.VIEWER, "lines discount shipping tax shippingTax total"),
    "Money": _each(Access.VIEWER, "amount currency"),
    "PageInfo": _each(Access.VIEWER, "hasNextPage hasPreviousPage startCursor endCursor"),
    "UserError": _each(Access.VIEWER, "code message field"),
    "PlaceOrderPayload": _ORDER_PAYLOAD,
    "CancelOrderPayload": _ORDER_PAYLOAD,
    "RequestReturnPayload": _ORDER_PAYLOAD,
    "RetryPaymentPayload": _ORDER_PAYLOAD,
    "RefundOrderPayload": {"refund": Access.VIEWER, **_ORDER_PAYLOAD},
    "AcceptDiscrepancyPayload": {"discrepancy": Access.STAFF, **_PAYLOAD},
    "AddOrderNotePayload": _ORDER_PAYLOAD,
    "ReceiveStockPayload": _PRODUCT_PAYLOAD,
    "AdjustStockPayload": {"stock": Access.STAFF, **_PAYLOAD},
    "ListProductPayload": _PRODUCT_PAYLOAD,
    "ChangePricePayload": _PRODUCT_PAYLOAD,
    "DiscontinueProductPayload": _PRODUCT_PAYLOAD,
    "SagaInterventionPayload": {"saga": Access.VIEWER, **_PAYLOAD},
    "EraseCustomerPayload": _PAYLOAD,
    "ProjectionStatus": {
        **_each(Access.STAFF, "name version liveVersion timing lag"),
        **_each(Access.STAFF, "fault builtAt parked rebuild"),
    },
    "ProjectionLag": _each(Access.STAFF, "position positionNumber events seconds"),
    "ParkedStream": {
        **_each(Access.STAFF, "stream position positionNumber"),
        **_each(Access.STAFF, "events cause attempts since"),
    },
    "ProjectionRebuild": {
        **_each(Access.STAFF, "version state requestedBy requestedAt finishedAt"),
        **_each(Access.STAFF, "events eventsInAll fault"),
    },
    "Webhook": {
        **_each(Access.STAFF, "id url description patterns position positionNumber waiting"),
        **_each(Access.STAFF, "failingSince pausedUntil disabled secrets createdAt createdBy"),
        "attempts": Access.STAFF,
    },
    "WebhookDisabled": _each(Access.STAFF, "cause at actor"),
    "WebhookSecret": _each(Access.STAFF, "createdAt expiresAt"),
    "WebhookAttempt": _each(Access.STAFF, "eventId eventType at durationMs outcome status"),
    "WebhookAttemptConnection": _each(Access.STAFF, "edges pageInfo"),
    "WebhookAttemptEdge": _each(Access.STAFF, "cursor node"),
    "WebhookConnection": _each(Access.STAFF, "edges pageInfo"),
    "WebhookEdge": _each(Access.STAFF, "cursor node"),
    "WebhookPayload": {"webhook": Access.STAFF, **_PAYLOAD},
    "WebhookSecretPayload": {**_each(Access.STAFF, "webhook secret"), **_PAYLOAD},
    "TestWebhookPayload": {"eventId": Access.STAFF, **_PAYLOAD},
    "NotificationPreferences": _each(Access.OWNER, "customerId categories quietHours timeZone"),
    "NotificationCategoryPreference": _each(Access.OWNER, "category mandatory channels"),
    "QuietHours": _each(Access.OWNER, "from to"),
    "SetNotificationPreferencesPayload": {"preferences": Access.OWNER, **_PAYLOAD},
    "EmailSuppression": _each(Access.STAFF, "reason since actions"),
    "EmailSuppressionAction": _each(Access.STAFF, "kind actor reason at"),
    "SuppressEmailPayload": {"suppression": Access.STAFF, **_PAYLOAD},
    "LiftEmailSuppressionPayload": {"action": Access.STAFF, **_PAYLOAD},
    "PushSubscription": _each(Access.VIEWER, "id createdAt pausedUntil"),
    "SubscribeToPushPayload": {"subscription": Access.VIEWER, **_PAYLOAD},
    "UnsubscribeFromPushPayload": {"subscriptionId": Access.VIEWER, **_PAYLOAD},
    "RebuildProjectionPayload": {"projection": Access.VIEWER, **_PAYLOAD},
    "RedriveProjectionPayload": {"events": Access.STAFF, **_PAYLOAD},
    "DeadLetterConnection": _each(Access.STAFF, "edges pageInfo totalCount"),
    "DeadLetterEdge": _each(Access.STAFF, "cursor node"),
    "DeadLetter": {
        **_each(Access.STAFF, "id group stream eventId eventType origin state attempts cause"),
        **_each(Access.STAFF, "storedAt firstFailedAt lastFailedAt nextTryAt"),
        **_each(Access.STAFF, "body bodyBytes actions"),
    },
    "DeadLetterAction": _each(Access.STAFF, "letterId kind actor reason at"),
    "RedriveDeadLetterPayload": {**_each(Access.STAFF, "action letter"), **_PAYLOAD},
    "DiscardDeadLetterPayload": {"action": Access.STAFF, **_PAYLOAD},
    "OperatorNoticeConnection": _each(Access.STAFF, "edges pageInfo"),
    "OperatorNoticeEdge": _each(Access.STAFF, "cursor node"),
    "OperatorNotice": {
        **_each(Access.STAFF, "id kind subject orderNumber text since openedAt closedAt"),
        **_each(Access.STAFF, "acknowledged messages"),
    },
    "NoticeAcknowledgement": _each(Access.STAFF, "actor at note"),
    "NoticeMessage": _each(Access.STAFF, "channel isReminder state attempts cause endedAt"),
    "OrderExplanation": {
        **_each(Access.STAFF, "orderId number status waitsFor workflows workflowIds traceIds"),
        **_each(Access.STAFF, "money stock parked timeline isCut continueAfter"),
        **_each(Access.STAFF, "position positionNumber"),
    },
    "ExplainedWait": _each(Access.STAFF, "waitsFor since until text"),
    "ExplainedWorkflow": _each(Access.STAFF, "workflowId status url"),
    "ExplainedMoney": _each(Access.STAFF, "total authorized captured refunded attempts"),
    "ExplainedAttempt": {
        **_each(Access.STAFF, "number status amount authorized captured refunded"),
        **_each(Access.STAFF, "reference declineCode"),
    },
    "ExplainedStock": {
        **_each(Access.STAFF, "sku quantity backordered reserved shipped returned"),
    },
    "ExplainedParking": _each(Access.STAFF, "step isUndo since code message number"),
    **{
        name: _each(Access.STAFF, f"kind at text {fields}")
        for name, fields in {
            "EventEntry": _LOGGED,
            "InterventionEntry": f"{_LOGGED} parkedStep parking intervention reason",
            "StepEntry": "step isUndo state attempts endedAt",
            "FailureEntry": "step number code message",
            "ProviderCallEntry": "provider operation key answer reference",
            "WebhookEntry": "provider eventId type handledAt",
            "NotificationEntry": "id notice channel state attempts cause endedAt",
            "DeliveryEntry": "endpointId eventId eventType outcome status",
        }.items()
    },
    "AcknowledgeNoticePayload": {"notice": Access.STAFF, **_PAYLOAD},
}

ROOTS: Final = frozenset({"Query", "Mutation", "Subscription"})


def fields_of(schema: GraphQLSchema) -> Iterator[tuple[str, str, GraphQLField]]:
    """Yield each field of the schema with its type's name and its name."""
    for type_ in schema.type_map.values():
        if isinstance(type_, GraphQLObjectType) and not is_introspection_type(type_):
            for name, field in type_.fields.items():
                yield type_.name, name, field


def apply_access(schema: GraphQLSchema) -> None:
    """Enforce each field's rule. Raises LookupError for a field without a rule."""
    for type_name, name, field in fields_of(schema):
        rule = RULES.get(type_name, {}).get(name)
        if rule is None:
            raise LookupError(f"{type_name}.{name} has no rule: add one to api/access.py")
        if isinstance(rule, Coarse):
            _coarsen(field, rule)
        elif rule in {Access.STAFF, Access.ADMIN}:
            may_be_null = type_name not in ROOTS and not is_non_null_type(field.type)
            _restrict(name, field, rule, may_be_null=may_be_null)


def _restrict(name: str, field: GraphQLField, rule: Access, *, may_be_null: bool) -> None:
    """Return null to viewers whom the rule excludes, or raise FORBIDDEN."""
    resolve = field.resolve or default_field_resolver

    def guarded(source: object, info: Any, **arguments: object) -> object:  # noqa: ANN401 - graphql-core's
        if rule.admits(info.context.viewer):
            return resolve(source, info, **arguments)
        if may_be_null:
            return None
        raise forbidden(f"{name} is for {rule.value}: sign in as one")

    field.resolve = guarded
    if may_be_null:
        _note(field, "Null for customers.")


def _coarsen(field: GraphQLField, rule: Coarse) -> None:
    resolve = field.resolve or default_field_resolver

    def guarded(source: object, info: Any, **arguments: object) -> object:  # noqa: ANN401 - graphql-core's
        if info.context.viewer.is_staff:
            return resolve(source, info, **arguments)
        return rule.show(source, info.context)

    field.resolve = guarded
    _note(field, rule.note)


def _note(field: GraphQLField, note: str) -> None:
    field.description = f"{field.description or ''} {note}".strip()
