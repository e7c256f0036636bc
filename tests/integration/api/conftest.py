from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from temporalio.client import Client

from api import metrics
from api.app import OpenedServices, create_app
from api.context import Services
from api.orders.charges import charge_limits
from api.orders.pricing import standard_pricing
from eventstore.postgres import PostgresEventStore
from eventstore.privacy.search_key import SearchKey
from kit.engine import create_engine
from kit.local_http import local_client
from kit.pool import Pool, create_pool
from notifications.operators.acknowledging import NoticeAcknowledgements
from notifications.preferences import PreferenceStore
from notifications.push.config import vapid_of
from notifications.push.registry import PushRegistry
from notifications.suppressions import Suppressions
from notifications.webhooks.registry import WebhookRegistry
from notifications.webhooks.url import UrlRules
from orchestrator.dead_letters import DeadLetterRequests
from orchestrator.inbox import Inbox
from orchestrator.keys import IdempotencyKeys
from orchestrator.projections import ProjectionRequests
from orchestrator.saga_orchestrator import SagaOrchestrator
from orchestrator.suppressions import SuppressionRequests
from projections.inline import InlineReadModels
from providers.http_carrier import HttpCarrier
from providers.stripe_payments import StripePayments
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
from queries.sagas import SagaQueries
from queries.stock import StockQueries
from queries.stock_history import StockHistoryQueries
from queries.suppressions import SuppressionQueries
from queries.updates import OrderUpdates
from queries.webhooks import WebhookQueries
from settings import Bus, DatabaseRole, Settings
from stack.servers import Servers
from temporal.client import data_converter
from tests.support import order_contacts
from tests.support.api_client import Api, served
from tests.support.api_inputs import OUT_OF_STOCK
from tests.support.keys import MASTER_KEY, MASTER_KEYS, PAYLOAD_KEYS, SEARCH_KEY, a_vault
from tests.support.order_log import OrderLog
from tests.support.push import VAPID_KEY, VAPID_SUBJECT
from tests.support.routes import routes_of
from tests.support.sagas import Sagas, running_sagas
from tests.support.scripted import answering
from tests.support.simulators import SimulatorProcess
from tests.support.temporal_calls import TemporalCalls
from tests.support.webhook_names import names


@pytest.fixture(scope="module", autouse=True)
def _scraped_anew() -> Iterator[None]:
    """Compute the metrics on each scrape: a test reads them right after a change."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "KEPT_SECONDS", 0.0)
        yield


@pytest.fixture(scope="module")
def settings(module_database_url: str, module_api_url: str) -> Settings:
    return Settings(
        database_url=SecretStr(module_database_url),
        api_database_url=SecretStr(module_api_url),
        bus=Bus.MEMORY,
        rate_limit_per_principal=0,
        rate_limit_per_address=0,  # all the tests come from one address
        jwt_secret=SecretStr(secrets.token_urlsafe(32)),
        master_key=SecretStr(base64.b64encode(MASTER_KEY).decode()),
        search_key=SecretStr(base64.b64encode(SEARCH_KEY).decode()),
        vapid_private_key=SecretStr(VAPID_KEY),
        vapid_subject=VAPID_SUBJECT,
        payload_key=SecretStr(base64.b64encode(secrets.token_bytes(32)).decode()),
        carrier_url="http://127.0.0.1:9",
        carrier_api_key=SecretStr(secrets.token_urlsafe(32)),
        payment_webhook_secret=SecretStr(f"whsec_{secrets.token_hex(32)}"),
        carrier_webhook_secret=SecretStr(
            f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"
        ),
    )


@pytest.fixture(scope="module")
def real_settings(settings: Settings, servers: Servers) -> Settings:
    changes = {
        "temporal_address": servers.temporal_address,
        "nats_url": servers.nats_url,
        "bus": Bus.NATS,
        "payload_key": "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
    }
    return Settings.model_validate(settings.model_dump() | changes)


@pytest.fixture(scope="module")
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(settings.url_of(DatabaseRole.API))
    yield engine
    await engine.dispose()


@pytest.fixture(scope="module")
def carrier_answers() -> dict[str, tuple[int, object]]:
    """The carrier's answers by request line, which a test sets."""
    return {}


@pytest.fixture(scope="module")
async def notifying_carrier(
    settings: Settings, carrier_answers: dict[str, tuple[int, object]]
) -> AsyncIterator[HttpCarrier]:
    """The carrier that the API asks about a notification. The sagas ask the simulator."""
    async with answering(carrier_answers) as url:
        carrier = HttpCarrier(settings.carrier_api_key.get_secret_value(), url)
        yield carrier
        await carrier.close()


@pytest.fixture(scope="module")
async def api_pool(settings: Settings) -> AsyncIterator[Pool]:
    async with await create_pool(settings.url_of(DatabaseRole.API)) as pool:
        yield pool


@pytest.fixture(scope="module")
async def sagas(  # noqa: PLR0913, PLR0917 - all that a worker has
    servers: Servers,
    module_pool: Pool,
    payments: StripePayments,
    carrier: HttpCarrier,
    payment_simulator: SimulatorProcess,
    carrier_simulator: SimulatorProcess,
) -> AsyncIterator[Sagas]:
    """Run a worker for the module's database. Its orders can be returned for a while."""
    client = await connected(servers, TemporalCalls())
    simulators = (payment_simulator, carrier_simulator)
    async with running_sagas(client, module_pool, (payments, carrier), simulators) as sagas:
        yield sagas.within(return_window=timedelta(minutes=5))


async def connected(servers: Servers, calls: TemporalCalls) -> Client:
    return await Client.connect(
        servers.temporal_address,
        data_converter=data_converter(PAYLOAD_KEYS),
        interceptors=[calls],
    )


@pytest.fixture(scope="module")
async def module_api(  # noqa: PLR0913, PLR0917 - all that a process of the API has
    servers: Servers,
    settings: Settings,
    engine: AsyncEngine,
    api_pool: Pool,
    module_pool: Pool,
    notifying_carrier: HttpCarrier,
    sagas: Sagas,
) -> AsyncIterator[Api]:
    """The API with its own database role, and the sagas' client with the role that appends."""
    calls = TemporalCalls()
    client = await connected(servers, calls)
    vault = a_vault(module_pool)
    store = PostgresEventStore(module_pool, [InlineReadModels()], vault)
    orders = OrderQueries(engine)
    read_store = PostgresEventStore(api_pool)
    feed, notices = LiveFeed(read_store), CustomerNotices.over(read_store, engine)
    services = Services(
        orchestrator=SagaOrchestrator(
            client,
            task_queue=sagas.task_queue,
            deadlines=sagas.deadlines,
            log=ProviderNewsQueries(api_pool),
        ),
        orders=orders,
        order_history=OrderHistory(engine, read_store),
        products=ProductQueries(engine),
        price_histories=PriceHistoryQueries(engine),
        product_histories=ProductHistoryQueries(engine),
        stock=StockQueries(engine),
        stock_histories=StockHistoryQueries(engine),
        events=EventQueries(engine, read_store),
        explanations=ExplainQueries(engine, client, "http://127.0.0.1:8233"),
        updates=OrderUpdates(read_store, feed, orders),
        notices=notices,
        notes=NoteQueries(engine, a_vault(api_pool)),
        log=LogQueries(engine),
        inbox=Inbox(api_pool),
        keys=IdempotencyKeys(api_pool),
        decisions=Decisions(read_store),
        provider_news=ProviderNewsQueries(api_pool),
        sagas=SagaQueries(engine),
        refunds=RefundQueries(engine),
        discrepancies=DiscrepancyQueries(engine),
        personal=PersonalData(read_store, a_vault(api_pool)),
        bus=BusQueries(engine),
        carrier=notifying_carrier,
        pricing=standard_pricing(settings),
        charge_limits=charge_limits(settings),
        projections=ProjectionQueries(engine),
        projection_requests=ProjectionRequests(api_pool),
        dead_letters=DeadLetterQueries(engine),
        dead_letter_requests=DeadLetterRequests(api_pool),
        analytics=AnalyticsQueries(engine),
        analytics_ticks=AnalyticsTicks(engine),
        search_key=SearchKey.of(settings),
        notifications=NotificationQueries(engine),
        order_notifications=OrderNotificationQueries(engine),
        suppressions=Suppressions(api_pool, SearchKey.of(settings)),
        suppression_queries=SuppressionQueries(engine),
        suppression_requests=SuppressionRequests(api_pool),
        preferences=PreferenceStore(api_pool),
        operator_notices=OperatorNoticeQueries(engine),
        acknowledgements=NoticeAcknowledgements(api_pool),
        push=PushRegistry(
            api_pool,
            a_vault(api_pool),
            SearchKey.of(settings),
            UrlRules(may_be_loopback=False, resolve_name=names, field="endpoint"),
            vapid_of(settings),
        ),
        queues=QueueQueries(
            engine, client, settings.model_copy(update={"task_queue": sagas.task_queue})
        ),
        webhooks=WebhookQueries(engine),
        webhook_registry=WebhookRegistry(
            api_pool, MASTER_KEYS, UrlRules(may_be_loopback=False, resolve_name=names)
        ),
    )

    @asynccontextmanager
    async def open_services(_: Settings) -> AsyncIterator[OpenedServices]:
        yield services, {}
        await feed.close()
        await notices.feed.close()
        await services.analytics_ticks.close()

    app = create_app(settings, open_services)
    async with served(app) as url, local_client(base_url=url) as http:
        contacts = partial(order_contacts.follow, module_pool, store, vault)
        log, routes = OrderLog(store), routes_of(app)
        limits = app.state.rate_limits
        yield Api(
            *(url, settings, http, calls, sagas, log, feed, notices.feed, routes, limits, contacts)
        )


@pytest.fixture
async def api(module_api: Api) -> Api:
    """A running API with a mug at 2.50 EUR and a pot at 9.99 EUR in the catalogue, and in stock."""
    for sku, name, price in (("mug", "Mug", 250), ("pot", "Pot", 999)):
        await module_api.log.list_product(sku, name=name, price=price)
        await module_api.log.receive(sku, 10)
    await module_api.log.list_product(OUT_OF_STOCK, name="Vase", price=250)
    module_api.temporal.forget()
    return module_api
