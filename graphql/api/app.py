"""Build the application of the API process: `uvicorn api.app:app`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from typing import Final

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncEngine

from api import metrics
from api.auth import Authenticator, Unauthenticated
from api.codec import codec_app
from api.context import Replica, Services
from api.draining import ClosesConnections
from api.errors import RequestErrorCode, as_json
from api.health import Probes, checks
from api.home import home
from api.limits import BodyLimit
from api.metered import MeteredRequests
from api.monitoring import monitored
from api.orders.charges import charge_limits
from api.orders.pricing import standard_pricing
from api.pools import watch_pools
from api.rate_limit import AddressLimit, RateLimits, TooManyRequests, too_many
from api.router import Router
from api.schema import build_schema
from api.trace import Traced
from api.unsubscribe import router as unsubscribe
from api.webhooks import webhooks
from eventbus import buses
from eventstore.positions import PositionCodec
from eventstore.postgres import PostgresEventStore
from eventstore.privacy.keyring import Keyring
from eventstore.privacy.search_key import SearchKey
from eventstore.privacy.vault import Vault
from kit.engine import create_engine
from kit.pool import Pool, create_pool
from notifications.operators.acknowledging import NoticeAcknowledgements
from notifications.preferences import PreferenceStore
from notifications.push.config import vapid_of
from notifications.push.registry import PushRegistry
from notifications.suppressions import Suppressions
from notifications.webhooks.registry import WebhookRegistry
from notifications.webhooks.url import UrlRules
from observability.check import Check
from observability.monitoring import ROUTES
from observability.tracing.exporting import check_tracing, tracing
from observability.tracing.statements import trace_statements
from orchestrator.dead_letters import DeadLetterRequests
from orchestrator.inbox import Inbox
from orchestrator.keys import IdempotencyKeys
from orchestrator.projections import ProjectionRequests
from orchestrator.saga_orchestrator import SagaOrchestrator
from orchestrator.suppressions import SuppressionRequests
from orchestrator.translation import Unavailable
from providers.breaker import CARRIER, Breaker, BreakerLimits
from providers.errors import WebhookRejected
from providers.http_carrier import HttpCarrier
from queries.analytics import AnalyticsQueries
from queries.analytics_ticks import AnalyticsTicks
from queries.bus import BusQueries
from queries.dead_letters import DeadLetterQueries
from queries.decisions import Decisions
from queries.discrepancies import DiscrepancyQueries
from queries.events import EventQueries
from queries.explain.explanation import ExplainQueries
from queries.feed import LiveFeed
from queries.log import LogQueries
from queries.notes import NoteQueries
from queries.notices import CustomerNotices
from queries.notifications import NotificationQueries
from queries.operator_notices import OperatorNoticeQueries
from queries.order_history import OrderHistory
from queries.order_notifications import OrderNotificationQueries
from queries.orders import OrderQueries
from queries.personal_data import PersonalData
from queries.price_history import PriceHistoryQueries
from queries.product_history import ProductHistoryQueries
from queries.products import ProductQueries
from queries.projections import ProjectionQueries
from queries.provider_news import ProviderNewsQueries
from queries.queues import QueueQueries
from queries.refunds import RefundQueries
from queries.replica import ReplicaLog, ReplicaLost, ReplicaWatch, UpdatesOverReplica
from queries.sagas import SagaQueries
from queries.stock import StockQueries
from queries.stock_history import StockHistoryQueries
from queries.suppressions import SuppressionQueries
from queries.updates import OrderUpdates
from queries.webhooks import WebhookQueries
from queries.workers import WorkerQueries
from settings import DatabaseRole, Environment, Settings, SettingsError, load_settings
from settings_checks import check
from temporal.client import connect, deadlines

REQUIRED = (
    "jwt_secret",
    "payload_key",
    "master_key",
    "search_key",
    "payment_webhook_secret",
    "carrier_webhook_secret",
    "carrier_url",
    "carrier_api_key",
)
CONNECTIONS_TO_THE_LOG = 10
"""The live feed, subscriptions that catch up, the webhook inbox and the vault share these
connections, all to the primary.

Queries have a separate pool.
"""

CLOSE_SECONDS: Final = 0.5
"""The longest time that an unreachable database may delay the shutdown."""

TRACED_AS: Final = "waybill-api"

OpenedServices = tuple[Services, dict[str, Check]]
OpenServices = Callable[[Settings], AbstractAsyncContextManager[OpenedServices]]


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[OpenedServices]:
    """Open every service, and close them in reverse order."""
    client = await connect(settings, lazy=True)
    url = settings.url_of(DatabaseRole.API)
    engine = create_engine(url)
    trace_statements(engine)
    pool = await create_pool(url, size=CONNECTIONS_TO_THE_LOG)
    watch_pools("", engine, pool)
    store, orders = PostgresEventStore(pool), OrderQueries(engine)
    vault = Vault(pool, Keyring.of(settings, "master_key"))
    feed, notices = LiveFeed(store), CustomerNotices.over(store, engine)
    provider_news = ProviderNewsQueries(pool)
    orchestrator = SagaOrchestrator(
        client, task_queue=settings.task_queue, deadlines=deadlines(settings), log=provider_news
    )
    breaker = Breaker(CARRIER, BreakerLimits.of(settings))
    carrier = HttpCarrier(
        settings.carrier_api_key.get_secret_value(), settings.carrier_url, breaker=breaker
    )
    services = Services(
        orchestrator=orchestrator,
        orders=orders,
        order_history=OrderHistory(engine, store),
        products=ProductQueries(engine),
        price_histories=PriceHistoryQueries(engine),
        product_histories=ProductHistoryQueries(engine),
        stock=StockQueries(engine),
        stock_histories=StockHistoryQueries(engine),
        events=EventQueries(engine, store),
        explanations=ExplainQueries(engine, client, settings.temporal_ui_origin),
        updates=OrderUpdates(store, feed, orders),
        notices=notices,
        notes=NoteQueries(engine, vault),
        log=LogQueries(engine),
        inbox=Inbox(pool),
        keys=IdempotencyKeys(pool),
        decisions=Decisions(store),
        provider_news=provider_news,
        sagas=SagaQueries(engine),
        refunds=RefundQueries(engine),
        discrepancies=DiscrepancyQueries(engine),
        personal=PersonalData(store, vault),
        bus=BusQueries(engine),
        carrier=carrier,
        pricing=standard_pricing(settings),
        charge_limits=charge_limits(settings),
        projections=ProjectionQueries(engine),
        projection_requests=ProjectionRequests(pool),
        dead_letters=DeadLetterQueries(engine),
        dead_letter_requests=DeadLetterRequests(pool),
        analytics=AnalyticsQueries(engine),
        analytics_ticks=AnalyticsTicks(engine),
        search_key=SearchKey.of(settings),
        notifications=NotificationQueries(engine),
        order_notifications=OrderNotificationQueries(engine),
        suppressions=Suppressions(pool, SearchKey.of(settings)),
        suppression_queries=SuppressionQueries(engine),
        suppression_requests=SuppressionRequests(pool),
        preferences=PreferenceStore(pool),
        operator_notices=OperatorNoticeQueries(engine),
        acknowledgements=NoticeAcknowledgements(pool),
        push=PushRegistry(
            pool,
            vault,
            SearchKey.of(settings),
            UrlRules(may_be_loopback=settings.allow_loopback_webhooks, field="endpoint"),
            vapid_of(settings),
        ),
        queues=QueueQueries(engine, client, settings),
        webhooks=WebhookQueries(engine),
        webhook_registry=WebhookRegistry(
            pool,
            Keyring.of(settings, "master_key"),
            UrlRules(may_be_loopback=settings.allow_loopback_webhooks),
        ),
    )
    probes = Probes(
        settings,
        pool,
        client,
        services.log,
        WorkerQueries(engine),
        services.bus,
        services.projections,
        services.dead_letters,
        services.webhooks,
        carrier=breaker,
    )
    try:
        async with with_replica(settings, services, vault) as services:
            watch = None if services.replica is None else services.replica.watch
            yield services, checks(settings, replace(probes, replica=watch))
    finally:
        await carrier.close()
        await feed.close()
        await notices.feed.close()
        await services.analytics_ticks.close()
        await _close(pool, engine)


def reading_from(
    engine: AsyncEngine, store: PostgresEventStore, services: Services, vault: Vault
) -> Services:
    """Return these services with the reads of queries from another database.

    A service that is not named here stays with the primary. So do the keys of personal data: a
    replica could still open a value whose customer has been erased.
    """
    return replace(
        services,
        orders=OrderQueries(engine),
        order_history=OrderHistory(engine, store),
        products=ProductQueries(engine),
        price_histories=PriceHistoryQueries(engine),
        product_histories=ProductHistoryQueries(engine),
        stock=StockQueries(engine),
        stock_histories=StockHistoryQueries(engine),
        events=EventQueries(engine, store),
        notes=NoteQueries(engine, vault),
        order_notifications=OrderNotificationQueries(engine),
        log=ReplicaLog(engine, services.log),
        sagas=SagaQueries(engine),
        refunds=RefundQueries(engine),
        discrepancies=DiscrepancyQueries(engine),
        personal=PersonalData(store, vault),
        analytics=AnalyticsQueries(engine),
    )


@asynccontextmanager
async def with_replica(
    settings: Settings, primary: Services, vault: Vault
) -> AsyncIterator[Services]:
    """Add the read replica to the services of the primary, if the settings name one."""
    url = settings.query_database_url.get_secret_value()
    if not url:
        yield primary
        return
    engine = create_engine(url)
    trace_statements(engine)
    pool = await create_pool(url, size=CONNECTIONS_TO_THE_LOG)
    watch_pools("replica ", engine, pool)
    store = PostgresEventStore(pool)
    feed, notices = LiveFeed(store), CustomerNotices.over(store, engine)
    feeds = (feed, notices.feed)
    reads = reading_from(engine, store, primary, vault)
    log, updates = reads.log, OrderUpdates(store, feed, reads.orders)

    def end() -> None:
        for each in feeds:
            each.end(ReplicaLost())

    watch = ReplicaWatch(primary.log, log, settings.query_max_lag, on_loss=end)
    await watch.look()
    watching = asyncio.create_task(watch.run(), name="replica")
    try:
        yield replace(
            primary,
            updates=UpdatesOverReplica(primary.updates, updates, log, watch),
            notices=UpdatesOverReplica(primary.notices, notices, log, watch),
            replica=Replica(reads, watch),
        )
    finally:
        watching.cancel()
        await asyncio.wait([watching])
        for each in feeds:
            await each.close()
        await _close(pool, engine)


async def _close(pool: Pool, engine: AsyncEngine) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(CLOSE_SECONDS):
            await pool.close()
            await engine.dispose()


def create_app(settings: Settings, open_services: OpenServices = open_services) -> FastAPI:
    """Create the application. Raises SettingsError when a setting is missing."""
    settings.url_of(DatabaseRole.API)
    check(settings, *REQUIRED)
    buses.check_settings(settings)
    Keyring.of(settings, "master_key")
    SearchKey.of(settings)
    vapid_of(settings)
    check_tracing()
    authenticator = Authenticator(settings.jwt_secret.get_secret_value())

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            tracing(TRACED_AS),
            open_services(settings) as (app.state.services, app.state.checks),
        ):
            app.state.metrics = metrics.kept(app.state.services, app.state.checks)
            async with monitored(app, settings):
                yield

    app = FastAPI(title="Waybill", lifespan=lifespan, openapi_url=None)
    app.state.authenticator = authenticator
    app.state.is_stopping = False
    app.state.rate_limits = limits = RateLimits.of(settings)
    app.state.positions = positions = PositionCodec.of(settings)
    app.state.public_stock_limit = settings.public_stock_limit
    is_development = settings.environment is Environment.DEVELOPMENT
    schema = build_schema(positions, introspection=is_development)
    app.include_router(Router(schema, authenticator))
    app.include_router(webhooks(settings))
    app.include_router(unsubscribe)
    if is_development:
        app.include_router(home(settings))
    if not settings.monitoring_port:
        for route in ROUTES:  # FastAPI's own routes are named in the metrics and in the traces
            app.add_api_route(route.path, route.endpoint)
    app.mount("/codec", codec_app(settings, authenticator))
    app.add_middleware(BodyLimit)
    app.add_middleware(Traced)
    app.add_middleware(AddressLimit, limits=limits)
    app.add_middleware(ClosesConnections)
    app.add_middleware(MeteredRequests)
    app.add_exception_handler(Unauthenticated, _unauthenticated)
    app.add_exception_handler(TooManyRequests, _too_many_requests)
    app.add_exception_handler(WebhookRejected, _webhook_rejected)
    app.add_exception_handler(Unavailable, _unavailable)
    return app


async def _unauthenticated(_: Request, error: Exception) -> JSONResponse:
    body = as_json(RequestErrorCode.UNAUTHENTICATED, str(error))
    return JSONResponse(body, status_code=401, headers={"WWW-Authenticate": "Bearer"})


async def _too_many_requests(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, TooManyRequests)  # noqa: S101 - registered for it
    return too_many(error)


async def _webhook_rejected(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse(as_json(RequestErrorCode.BAD_USER_INPUT, str(error)), status_code=400)


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    return JSONResponse(as_json(RequestErrorCode.UNAVAILABLE, str(error)), status_code=503)


def __getattr__(name: str) -> FastAPI:
    """Create `app` on first access, so that importing this module needs no settings."""
    if name != "app":
        raise AttributeError(name)
    try:
        return create_app(load_settings())
    except SettingsError as error:
        raise SystemExit(f"waybill: {error}") from None
