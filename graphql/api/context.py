"""Give resolvers the services of this process and the viewer of the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import strawberry
from starlette.requests import HTTPConnection
from strawberry.dataloader import DataLoader
from strawberry.fastapi import BaseContext

from api.auth import Authenticator, TokenFault, Unauthenticated, Viewer
from api.errors import bad_input, not_found, rate_limited
from api.orders.notes import NotesLoader, notes_loader
from api.orders.notifications import NotificationsLoader, notifications_loader
from api.orders.personal import PersonalDataLoader, personal_data_loader
from api.rate_limit import RateLimits, TooManyRequests
from api.refunds.types import RefundsLoader, refunds_loader
from domain.identifiers import is_identifier
from domain.order.number import read_number
from domain.order.pricing import Pricing
from eventstore.positions import PositionCodec
from eventstore.privacy.search_key import SearchKey
from notifications.operators.acknowledging import NoticeAcknowledgements
from notifications.preferences import PreferenceStore
from notifications.push.registry import PushRegistry
from notifications.suppressions import Suppressions
from notifications.webhooks.registry import WebhookRegistry
from orchestrator.dead_letters import DeadLetterRequests
from orchestrator.inbox import Inbox
from orchestrator.keys import IdempotencyKeys
from orchestrator.projections import ProjectionRequests
from orchestrator.saga_orchestrator import SagaOrchestrator
from orchestrator.suppressions import SuppressionRequests
from providers.carrier import Carrier
from providers.payments import ChargeLimits
from queries.analytics import AnalyticsQueries
from queries.analytics_ticks import AnalyticsTicks
from queries.bus import BusQueries
from queries.dead_letters import DeadLetterQueries
from queries.decisions import Decisions
from queries.discrepancies import DiscrepancyQueries
from queries.events import EventQueries
from queries.explain.explanation import ExplainQueries
from queries.keyset import Page
from queries.log import LogQueries
from queries.notes import NoteQueries
from queries.notices import NoticeMessage
from queries.notifications import NotificationQueries
from queries.operator_notices import OperatorNoticeQueries
from queries.order_history import OrderHistory
from queries.order_notifications import OrderNotificationQueries
from queries.order_view import OrderView
from queries.orders import OrderQueries
from queries.personal_data import PersonalData
from queries.price_history import PriceHistoryQueries, PriceHistoryRequest, PriceView
from queries.product_history import ProductHistoryQueries
from queries.products import ProductQueries
from queries.projections import ProjectionQueries
from queries.provider_news import ProviderNewsQueries
from queries.queues import QueueQueries
from queries.refunds import RefundQueries
from queries.replica import ReplicaWatch
from queries.sagas import SagaQueries
from queries.stock import StockQueries
from queries.stock_history import StockChange, StockHistoryQueries, StockHistoryRequest
from queries.suppressions import SuppressionQueries
from queries.updates import Follows, Lagged, Update
from queries.webhooks import AttemptsRequest, AttemptView, WebhookQueries


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """The services of this process, open for as long as it runs."""

    orchestrator: SagaOrchestrator
    orders: OrderQueries
    order_history: OrderHistory
    products: ProductQueries
    price_histories: PriceHistoryQueries
    product_histories: ProductHistoryQueries
    stock: StockQueries
    stock_histories: StockHistoryQueries
    events: EventQueries
    explanations: ExplainQueries
    """It reads from the primary alone, as an operator needs the newest records."""
    updates: Follows[Update | Lagged]
    notices: Follows[NoticeMessage]
    notes: NoteQueries
    log: LogQueries
    inbox: Inbox
    keys: IdempotencyKeys
    decisions: Decisions
    """It reads from the primary alone: a refusal must not come from an old state."""
    provider_news: ProviderNewsQueries
    sagas: SagaQueries
    personal: PersonalData
    bus: BusQueries
    carrier: Carrier
    """The API polls it to confirm a notification."""
    pricing: Pricing
    charge_limits: ChargeLimits
    refunds: RefundQueries
    discrepancies: DiscrepancyQueries
    projections: ProjectionQueries
    projection_requests: ProjectionRequests
    dead_letters: DeadLetterQueries
    dead_letter_requests: DeadLetterRequests
    analytics: AnalyticsQueries
    analytics_ticks: AnalyticsTicks
    search_key: SearchKey
    """It makes the digest of an e-mail address that staff search for."""
    notifications: NotificationQueries
    order_notifications: OrderNotificationQueries
    suppressions: Suppressions
    """The addresses that get no mail."""
    suppression_queries: SuppressionQueries
    suppression_requests: SuppressionRequests
    preferences: PreferenceStore
    operator_notices: OperatorNoticeQueries
    acknowledgements: NoticeAcknowledgements
    """The acknowledgements of notices to operators."""
    push: PushRegistry
    """The browsers that customers have subscribed to push messages."""
    queues: QueueQueries
    webhooks: WebhookQueries
    webhook_registry: WebhookRegistry
    replica: Replica | None = None
    """Queries read from it while it is usable. Everything else reads from the primary."""


@dataclass(frozen=True, slots=True)
class Replica:
    services: Services
    """The same services, which read from the replica."""
    watch: ReplicaWatch


class Context(BaseContext):
    """The context of one request, or of one socket and all of its operations.

    The operations of a socket run concurrently, so the context holds no database session.
    """

    def __init__(
        self, connection: HTTPConnection, viewer: Viewer | None, services: Services | None = None
    ) -> None:
        super().__init__()
        state = connection.app.state
        self._connection = connection
        self.services: Services = services or state.services
        self.positions: PositionCodec = state.positions
        self.notes: NotesLoader = notes_loader(self.services.notes)
        self.refunds: RefundsLoader = refunds_loader(self.services.refunds)
        self.order_notifications: NotificationsLoader = notifications_loader(
            self.services.order_notifications
        )
        self.personal_data: PersonalDataLoader = personal_data_loader(self.services.personal)
        self.public_stock_limit: int = state.public_stock_limit
        self.price_histories: DataLoader[PriceHistoryRequest, Page[PriceView]] = DataLoader(
            self.services.price_histories.pages, cache=False
        )
        """One statement reads the histories of all products of a list."""
        self.stock_histories: DataLoader[StockHistoryRequest, Page[StockChange]] = DataLoader(
            self.services.stock_histories.pages, cache=False
        )
        self.webhook_attempts: DataLoader[AttemptsRequest, Page[AttemptView]] = DataLoader(
            self.services.webhooks.attempts, cache=False
        )
        self._limits: RateLimits = state.rate_limits
        self._address = self._limits.address_of(connection.scope)
        self._viewer = viewer

    def over(self, services: Services) -> Context:
        """Return a context of the same request and viewer, with other services."""
        other = Context(self._connection, self._viewer, services)
        other.request, other.response = self.request, self.response
        other.background_tasks = self.background_tasks
        other.connection_params = self.connection_params
        return other

    def count_request(self) -> None:
        """Count a request of the viewer, or of the address before the viewer has signed in.

        Raises TooManyRequests.
        """
        if self._viewer is None:
            self._limits.addresses.take(self._address)
        else:
            self._limits.principals.take(self._viewer.actor)

    def count_saga_request(self) -> None:
        """Count a request of a customer that reaches a saga, which accepts a limited number.

        Raises RATE_LIMITED.
        """
        if self.viewer.is_staff:
            return
        try:
            self._limits.saga_requests.take(self.viewer.sub)
        except TooManyRequests as refusal:
            raise rate_limited(str(refusal)) from None

    @property
    def viewer(self) -> Viewer:
        if self._viewer is None:
            raise Unauthenticated(TokenFault.MISSING)
        return self._viewer

    def require_viewer(self) -> None:
        """Raise Unauthenticated before the viewer has signed in."""
        _ = self.viewer

    def signed_in(self, viewer: Viewer) -> None:
        """Set the viewer that a socket's first message authenticated."""
        self._viewer = viewer

    async def find_order(self, order_id: str) -> OrderView | None:
        """Return the order if it exists and the viewer may see it."""
        order = await self.services.orders.get(order_id) if is_identifier(order_id) else None
        return self._if_visible(order)

    def _if_visible(self, order: OrderView | None) -> OrderView | None:
        return order if order is not None and self.viewer.may_see(order.customer_id) else None

    async def get_order(self, order_id: str) -> OrderView:
        """Return the order. Raises NOT_FOUND, also for an order that the viewer may not see."""
        order = await self.find_order(order_id)
        if order is None:
            raise not_found("order")
        return order

    async def get_order_by_number(self, text: str) -> OrderView:
        """Return the order. Raises NOT_FOUND as get_order() does, and BAD_USER_INPUT for a text
        that is no number."""
        number = read_number(text)
        if number is None:
            raise bad_input("number: this is no order number, or one of its characters is wrong")
        order = self._if_visible(await self.services.orders.by_number(number))
        if order is None:
            raise not_found("order", "number")
        return order


Info: TypeAlias = strawberry.Info[Context, None]


def authenticated_context(connection: HTTPConnection) -> Context:
    """Authenticate the connection and count the request.

    Raises Unauthenticated, except for a socket, which may send its token in its first message.
    Raises TooManyRequests. The requests of a socket are counted when they arrive.
    """
    authenticator: Authenticator = connection.app.state.authenticator
    header = connection.headers.get("authorization")
    is_socket = connection.scope["type"] == "websocket"
    viewer = None if is_socket and header is None else authenticator.viewer(header)
    context = Context(connection, viewer)
    if not is_socket:
        context.count_request()
    return context
