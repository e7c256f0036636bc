"""The Temporal worker, of which any number of processes may run.

    python worker.py [--roles sagas,relay]

Every worker may be started with every role; a job that may run only once at a time waits for its
lock. A wrong setting ends the worker at once; a server that does not answer is waited for. SIGTERM
or Ctrl-C lets running activities finish for DRAIN, and ends the process within STOP_WITHIN.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import sys
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final, NoReturn

import asyncpg
import uvloop
from asyncpg.exceptions import ClientConfigurationError
from temporalio.client import Client
from temporalio.runtime import LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter
from temporalio.service import RPCError
from temporalio.worker import PollerBehaviorAutoscaling, Worker
from temporalio.workflow import NondeterminismError

from activities.command_handler import CommandHandler
from activities.failed_attempts import FailedAttempts, FailureLedger
from activities.interceptor import ActivityInterceptor
from activities.orders import OrderActivitiesImpl
from activities.payments.activities import PaymentActivitiesImpl
from activities.reconciliation.changed_orders import ChangedOrders
from activities.reconciliation.comparison import OrdersToCompare, ReconciliationActivitiesImpl
from activities.reconciliation.discrepancies import Discrepancies
from activities.reconciliation.open_order_sweep import OpenOrderSweep
from activities.reconciliation.open_orders import OpenOrders
from activities.reconciliation.orphaned_workflows import OrphanedWorkflows
from activities.reconciliation.provider_comparison import ProviderComparison
from activities.reconciliation.recovery import RecoveryActivitiesImpl
from activities.reconciliation.unchecked_orders import UncheckedOrders
from activities.saga import SagaActivitiesImpl
from activities.shipping import ShippingActivitiesImpl
from eventbus import buses
from eventbus.errors import is_bus_away
from eventbus.relay import Relay
from eventstore.checkpoint import warn_of_lost_checkpoints
from eventstore.head import HeadAnnouncer
from eventstore.heartbeat import record_polling
from eventstore.postgres import PostgresEventStore
from eventstore.privacy.keyring import Keyring
from eventstore.privacy.search_key import SearchKey
from eventstore.privacy.vault import Vault
from eventstore.protocol import EventStore
from eventstore.stored_format import require_readable
from kit.command import run_command
from kit.faults import BriefFormatter, causes, one_line, origin
from kit.pool import CONNECTION_LOST, Pool, create_pool
from kit.restart import is_database_away, restarting
from kit.tasks import leave_within, together, until_stopped
from orchestrator.order_workflows import TemporalOrderWorkflows
from orchestrator.saga_orchestrator import SagaOrchestrator
from projections.follower import Follower, Terms
from projections.inline import InlineReadModels
from projections.order_contacts import OrderContacts
from projections.rebuild.assistants import Assistants
from projections.rebuild.runner import Rebuilder
from projections.registry import FOLLOWING
from providers.carrier import Carrier
from providers.errors import ProviderUnavailable
from providers.http_carrier import HttpCarrier
from providers.payments import PaymentProvider
from providers.stripe_payments import StripePayments
from settings import DatabaseRole, Settings, SettingsError, load_settings
from settings_checks import check
from stored_format import OtherStoredFormatError
from temporal import client
from temporal.client import (
    TemporalAway,
    connect,
    deadlines,
    is_temporal_away,
    require_namespace,
)
from temporal.own_order import OwnOrder
from temporal.runner import WORKFLOWS
from temporal.sandbox import sandbox
from temporal.schedules import keep_scheduled
from temporal.versions import deployment

logger = logging.getLogger("waybill.worker")

DRAIN: Final = timedelta(seconds=2)
"""The time that running activities get after SIGTERM; Temporal runs the others elsewhere."""
STOP_WITHIN: Final = timedelta(seconds=2.8)
"""The process has ended this long after SIGTERM, even if a server does not answer."""
SECONDS_BETWEEN_RECORDS: Final = 4.0
PROJECTIONS_POOL_SIZE: Final = 6 + 4 * len(FOLLOWING)
"""A follower that leads uses four connections, and a rebuild six."""
QUIET: Final = TelemetryFilter(core_level="ERROR", other_level="ERROR")

WRONG_DATABASE_URL: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    ClientConfigurationError,
)
"""PostgreSQL's answers to a wrong user, password or database."""


class Role(StrEnum):
    SAGAS = "sagas"
    RELAY = "relay"
    HEAD = "head"
    PROJECTIONS = "projections"


class RoleFailed(Exception):
    """A role met a fault other than a server that is away; the message is one line."""


PROVIDER_SETTINGS: Final = ("payment_api_key", "carrier_url", "carrier_api_key")


class Providers:
    """The provider clients of this process."""

    @staticmethod
    def check_settings(settings: Settings) -> None:
        """Raises SettingsError."""
        check(settings, *PROVIDER_SETTINGS)
        if not settings.payment_url:  # Stripe itself, whose 3-D Secure needs a return URL
            settings.require("payment_return_url")

    def __init__(self, settings: Settings) -> None:
        self.check_settings(settings)
        self.payments = StripePayments(
            settings.payment_api_key.get_secret_value(),
            settings.payment_url,
            settings.payment_return_url,
        )
        self.carrier = HttpCarrier(
            settings.carrier_api_key.get_secret_value(), settings.carrier_url
        )

    async def aclose(self) -> None:
        await self.payments.close()
        await self.carrier.close()


Activity = Callable[..., Any]


def saga_activities(
    store: EventStore, vault: Vault, payments: PaymentProvider, carrier: Carrier
) -> list[Activity]:
    handler = CommandHandler(store)
    return [
        *SagaActivitiesImpl(handler).all,
        *OrderActivitiesImpl(handler).all,
        *PaymentActivitiesImpl(handler, payments).all,
        *ShippingActivitiesImpl(handler, store, vault, carrier).all,
    ]


def reconciliation_activities(
    settings: Settings, client: Client, pool: Pool, store: EventStore, comparer: ProviderComparison
) -> list[Activity]:
    handler, grace = CommandHandler(store), settings.reconcile_grace
    at_most = settings.reconcile_batch
    share = max(1, at_most // 4)
    orchestrator = SagaOrchestrator(
        client, task_queue=settings.task_queue, deadlines=deadlines(settings)
    )
    running = TemporalOrderWorkflows(client, orchestrator)
    open_orders = OpenOrders(pool, store, grace)
    discrepancies = Discrepancies(pool, handler)
    orphans = OrphanedWorkflows(open_orders, discrepancies, running)
    orders = OrdersToCompare(
        ChangedOrders(pool, store, grace, at_most),
        UncheckedOrders(pool, share),
        OpenOrderSweep(pool, grace, share),
    )
    return [
        *RecoveryActivitiesImpl(pool, handler, open_orders, orphans, running).all,
        *ReconciliationActivitiesImpl(orders, comparer, discrepancies, orchestrator, handler).all,
    ]


def temporal_worker(  # noqa: PLR0913 - most have one value in all but tests and benchmarks
    client: Client,
    task_queue: str,
    activities: Sequence[Activity],
    ledger: FailureLedger | None = None,
    *,
    workflows: Sequence[type] = WORKFLOWS,
    passed_through: Sequence[str] = (),
    build_id: str = "",
) -> Worker:
    """Make the worker for all workflows and activities; the benchmarks' peers bring their own.

    A workflow whose history does not replay fails, instead of waiting for an operator.
    Reconciliation then recovers its order from the log.
    """
    return Worker(
        client,
        task_queue=task_queue,
        workflows=workflows,
        activities=activities,
        interceptors=[ActivityInterceptor(ledger), OwnOrder()],
        workflow_runner=sandbox(*passed_through),
        workflow_failure_exception_types=[NondeterminismError],
        deployment_config=deployment(build_id),
        max_concurrent_workflow_tasks=20,
        max_concurrent_activities=100,
        max_concurrent_local_activities=100,
        workflow_task_poller_behavior=PollerBehaviorAutoscaling(),
        activity_task_poller_behavior=PollerBehaviorAutoscaling(),
        graceful_shutdown_timeout=DRAIN,
    )


async def run_sagas(settings: Settings, pool: Pool, store: EventStore, vault: Vault) -> None:
    """Run the sagas until cancelled. Raises TemporalAway."""
    client = await connect(settings)
    await require_namespace(client)
    async with contextlib.aclosing(Providers(settings)) as providers:
        comparer = ProviderComparison(CommandHandler(store), providers.payments, providers.carrier)
        activities = [
            *saga_activities(store, vault, providers.payments, providers.carrier),
            *reconciliation_activities(settings, client, pool, store, comparer),
        ]
        queue, build_id = settings.task_queue, settings.worker_build_id
        worker = temporal_worker(client, queue, activities, FailedAttempts(pool), build_id=build_id)
        logger.info("running sagas from task queue %s, build %s", queue, build_id or "none")
        await together(
            run_temporal_worker(worker, client),
            keep_scheduled(client, queue, settings.reconcile_every, build_id),
            keep_recording_polls(client, pool, queue, build_id),
        )


async def run_temporal_worker(worker: Worker, client: Client) -> None:
    """Run until cancelled. Raises TemporalAway when it failed because Temporal does not answer."""
    try:
        await worker.run()
    except RuntimeError as error:
        try:
            await require_namespace(client)
        except RPCError:
            raise TemporalAway(one_line(error)) from None
        raise


async def keep_recording_polls(client: Client, pool: Pool, queue: str, build_id: str) -> NoReturn:
    """Record, until cancelled, that this worker polls: see the API's readiness."""

    async def record() -> None:
        while True:
            await require_namespace(client)
            await record_polling(pool, queue, build_id)
            await asyncio.sleep(SECONDS_BETWEEN_RECORDS)

    await restarting("recording that this worker polls", record, is_server_away)


async def run_relay(settings: Settings, pool: Pool, store: EventStore) -> None:
    """Relay the log until cancelled, while this process leads. Raises the errors of
    `is_bus_away`."""
    async with contextlib.aclosing(await buses.opened_bus(settings, pool)) as bus:
        logger.info("relaying the log while this process leads")
        await Relay(pool, store, bus).run()


async def run_projections(settings: Settings, contacts: OrderContacts) -> None:
    """Keep the following projections up to date, and make the rebuilds that are asked for."""
    url, terms = settings.url_of(DatabaseRole.PROJECTIONS), Terms()
    async with await create_pool(url, size=PROJECTIONS_POOL_SIZE, transaction_seconds=0) as pool:
        store = PostgresEventStore(pool)
        followers = [Follower(pool, store, projection, terms) for projection in FOLLOWING]
        await together(
            Rebuilder(pool, Assistants.of(url)).run(),
            contacts.run(),
            *(follower.run() for follower in followers),
        )


def is_server_away(error: BaseException) -> bool:
    """Return whether the error, or its cause, means that a server does not answer."""
    return any(
        is_database_away(cause)
        or is_temporal_away(cause)
        or is_bus_away(cause)
        or isinstance(cause, ProviderUnavailable)
        for cause in causes(error)
    )


def check_settings(settings: Settings, roles: Sequence[Role]) -> None:
    """Raise SettingsError when a setting of one of these roles is missing or wrong."""
    sagas = ("payload_key", *PROVIDER_SETTINGS) if Role.SAGAS in roles else ()
    projections = ("search_key",) if Role.PROJECTIONS in roles else ()
    check(settings, "database_url", "master_key", *sagas, *projections)
    Keyring.of(settings, "master_key")
    if Role.PROJECTIONS in roles:
        SearchKey.of(settings)
    if Role.SAGAS in roles:
        client.check_settings(settings)
        Providers.check_settings(settings)
    if Role.RELAY in roles:
        buses.check_settings(settings)


async def run_role(role: Role, job: Callable[[], Awaitable[object]]) -> None:
    """Run the job of a role until cancelled, and again after each time that a server was away.

    Raises RoleFailed for any other fault; the other roles then have STOP_WITHIN to stop.
    """
    try:
        await restarting(f"role {role}", job, is_server_away)
    except Exception as error:
        fault = describe(role, error)
        leave_within(STOP_WITHIN, f"worker: {fault}")
        raise RoleFailed(fault) from error


def describe(role: Role, error: Exception) -> str:
    if isinstance(error, SettingsError):
        return str(error)
    if isinstance(error, WRONG_DATABASE_URL):
        return f"WAYBILL_DATABASE_URL: {one_line(error)}"
    return f"role {role} failed: {one_line(error)} ({origin(error)})"


async def run(settings: Settings, roles: Sequence[Role]) -> None:
    """Run the roles until cancelled.

    Raises SettingsError, OtherStoredFormatError, or RoleFailed for a supervisor to see.

    All settings are checked before anything starts. A server that does not answer is waited for,
    while the other roles run. No role starts on a database that answers with another stored format.
    """
    check_settings(settings, roles)
    async with await create_pool(settings.database_url.get_secret_value()) as pool:
        vault = Vault(pool, Keyring.of(settings, "master_key"))
        store = PostgresEventStore(pool, [InlineReadModels()], vault)
        jobs: dict[Role, Callable[[], Awaitable[object]]] = {
            Role.SAGAS: lambda: run_sagas(settings, pool, store, vault),
            Role.RELAY: lambda: run_relay(settings, pool, store),
            Role.HEAD: HeadAnnouncer(pool).run,
            Role.PROJECTIONS: lambda: run_projections(
                settings, OrderContacts(pool, store, vault, SearchKey.of(settings))
            ),
        }
        # A fault of the database is reported by the roles that it concerns.
        with contextlib.suppress(asyncpg.PostgresError, TimeoutError, *CONNECTION_LOST):
            async with asyncio.timeout(STOP_WITHIN.total_seconds()):
                await require_readable(pool)
                await warn_of_lost_checkpoints(pool)
        await together(*(run_role(role, jobs[role]) for role in roles))


def parse_roles(text: str) -> list[Role]:
    try:
        return [Role(name.strip()) for name in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; there are {', '.join(Role)}") from None


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Run Waybill's sagas, projections and the relay to the bus."
    )
    parser.add_argument(
        "--roles",
        type=parse_roles,
        default=list(Role),
        help=f"what this worker does, comma-separated: {', '.join(Role)} (default: all)",
    )
    arguments = parser.parse_args()
    set_up_logging()
    try:
        uvloop.run(until_stopped(run(load_settings(), arguments.roles), STOP_WITHIN))
    except (SettingsError, OtherStoredFormatError, RoleFailed) as error:
        sys.exit(f"worker: {error}")


def set_up_logging() -> None:
    handler = logging.StreamHandler()
    handler.setFormatter(BriefFormatter(is_server_away))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    for chatty in ("httpx", "stripe"):  # they log every request, with its URL
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # The SDK logs its own retries: a role logs in one line that Temporal does not answer.
    Runtime.set_default(Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(QUIET))))


if __name__ == "__main__":
    run_command(main)
