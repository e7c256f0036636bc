from __future__ import annotations

import base64
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from api import metrics
from api.app import OpenedServices, create_app
from api.context import Services
from eventstore.engine import create_engine
from eventstore.inbox import Inbox
from eventstore.pool import Pool, create_pool
from eventstore.postgres import PostgresEventStore
from projections.inline import InlineReadModels
from providers.http_carrier import HttpCarrier
from queries.bus import BusQueries
from queries.feed import LiveFeed
from queries.log import LogQueries
from queries.orders import OrderQueries
from queries.payments import PaymentQueries
from queries.products import ProductQueries
from queries.sagas import SagaQueries
from queries.updates import OrderUpdates
from settings import Bus, DatabaseRole, Settings
from stack.servers import Servers
from tests.integration.api.client import Api, served
from tests.integration.api.log_orchestrator import LogOrchestrator
from tests.integration.api.routes import routes_of
from tests.integration.keys import a_vault
from tests.integration.providers.scripted import answering
from tests.integration.queries.order_log import OrderLog


@pytest.fixture(scope="module", autouse=True)
def _scraped_anew() -> Iterator[None]:
    """A test looks at the metrics right after it has changed something."""
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
        rate_limit_per_address=0,  # all the tests come from one
        jwt_secret=SecretStr(secrets.token_urlsafe(32)),
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
    """What the carrier answers, by request line. A test sets it."""
    return {}


@pytest.fixture(scope="module")
async def carrier(
    settings: Settings, carrier_answers: dict[str, tuple[int, object]]
) -> AsyncIterator[HttpCarrier]:
    async with answering(carrier_answers) as url:
        carrier = HttpCarrier(settings.carrier_api_key.get_secret_value(), url)
        yield carrier
        await carrier.close()


@pytest.fixture(scope="module")
async def api_pool(settings: Settings) -> AsyncIterator[Pool]:
    async with await create_pool(settings.url_of(DatabaseRole.API)) as pool:
        yield pool


@pytest.fixture(scope="module")
async def module_api(
    settings: Settings,
    engine: AsyncEngine,
    api_pool: Pool,
    module_pool: Pool,
    carrier: HttpCarrier,
) -> AsyncIterator[Api]:
    """The API by its own role, and the sagas' side of it by the one that appends."""
    store = PostgresEventStore(module_pool, [InlineReadModels()], a_vault(module_pool))
    orders = OrderQueries(engine)
    read_store = PostgresEventStore(api_pool)
    feed, orchestrator = LiveFeed(read_store), LogOrchestrator(store)
    updates = OrderUpdates(read_store, feed, orders)
    services = Services(
        orchestrator,
        orders,
        ProductQueries(engine),
        updates,
        LogQueries(engine),
        Inbox(api_pool),
        PaymentQueries(engine),
        SagaQueries(engine),
        BusQueries(engine),
        carrier,
    )

    @asynccontextmanager
    async def open_services(_: Settings) -> AsyncIterator[OpenedServices]:
        yield services, {}
        await feed.close()

    app = create_app(settings, open_services)
    async with served(app) as url, httpx.AsyncClient(base_url=url) as http:
        yield Api(url, settings, http, orchestrator, OrderLog(store), feed, routes_of(app))


@pytest.fixture
async def api(module_api: Api) -> Api:
    """A running API with a mug at 2.50 EUR and a pot at 9.99 EUR in the catalogue."""
    await module_api.log.list_product("mug", name="Mug", price=250)
    await module_api.log.list_product("pot", name="Pot", price=999)
    module_api.orchestrator.failure = None
    module_api.orchestrator.news.clear()
    module_api.orchestrator.actors.clear()
    return module_api
