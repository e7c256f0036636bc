"""The Temporal worker: a process to run many of.

    python worker.py [--roles sagas,relay]

Every worker may be started with every role; what may run only once at a time finds that out by
itself. SIGTERM or Ctrl-C lets running activities finish before it leaves.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import uvloop
from temporalio.client import Client
from temporalio.worker import PollerBehaviorAutoscaling, Worker
from temporalio.workflow import NondeterminismError

from activities.books import Books
from activities.changed_orders import ChangedOrders
from activities.command_handler import CommandHandler
from activities.conduct import ActivityConduct
from activities.differences import Differences
from activities.failed_attempts import FailedAttempts, FailureLedger
from activities.needless_sagas import NeedlessSagas
from activities.not_compared import NotCompared
from activities.open_orders import OpenOrders
from activities.orders import OrderActivities
from activities.payments import PaymentActivities
from activities.reconciliation import OrdersToCompare, ReconciliationActivities
from activities.rotation import Rotation
from activities.saga import SagaActivities
from activities.shipments import ShippingActivities
from activities.taking_up import TakingUpActivities
from eventbus.nats import NatsBus
from eventbus.relay import Relay
from eventstore.checkpoint import warn_of_lost_checkpoints
from eventstore.head import HeadAnnouncer
from eventstore.pool import Pool, create_pool
from eventstore.postgres import PostgresEventStore
from eventstore.privacy.keyring import Keyring
from eventstore.privacy.vault import Vault
from eventstore.protocol import EventStore
from eventstore.restart import restarting
from projections.inline import InlineReadModels
from providers.carrier import Carrier
from providers.http_carrier import HttpCarrier
from providers.payments import PaymentProvider
from providers.stripe_payments import StripePayments
from settings import Settings, SettingsError, load_settings
from workflows.orchestrator import SagaOrchestrator
from workflows.runner import WORKFLOWS
from workflows.running_sagas import RunningSagas
from workflows.sandbox import sandbox
from workflows.schedule import keep_scheduled
from workflows.temporal_client import connect, deadlines
from workflows.versions import deployment

logger = logging.getLogger("waybill.worker")

DRAIN: Final = timedelta(seconds=5)
"""How long running activities get after SIGTERM; Temporal runs the rest elsewhere."""


class Role(StrEnum):
    SAGAS = "sagas"
    RELAY = "relay"
    HEAD = "head"


class Providers:
    """The clients of this process to what lies outside."""

    def __init__(self, settings: Settings) -> None:
        settings.require("payment_api_key", "carrier_url", "carrier_api_key")
        if not settings.payment_url:  # Stripe itself: without it no 3-D Secure ever succeeds
            settings.require("payment_return_url")
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
        *SagaActivities(handler).all,
        *OrderActivities(handler).all,
        *PaymentActivities(handler, payments).all,
        *ShippingActivities(handler, store, vault, carrier).all,
    ]


def reconciliation_activities(
    settings: Settings, client: Client, pool: Pool, store: EventStore, books: Books
) -> list[Activity]:
    handler, grace = CommandHandler(store), settings.reconcile_grace
    at_most = settings.reconcile_books
    share = max(1, at_most // 4)
    orchestrator = SagaOrchestrator(
        client, task_queue=settings.task_queue, deadlines=deadlines(settings)
    )
    running = RunningSagas(client, orchestrator)
    open_orders = OpenOrders(pool, store, grace)
    differences = Differences(pool, handler)
    needless = NeedlessSagas(open_orders, differences, running)
    orders = OrdersToCompare(
        ChangedOrders(pool, store, grace, at_most),
        NotCompared(pool, share),
        Rotation(pool, grace, share),
    )
    return [
        *TakingUpActivities(pool, handler, open_orders, needless, running).all,
        *ReconciliationActivities(orders, books, differences, orchestrator).all,
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
    """Everything that Temporal may ask of this process; the benchmarks' peers bring their own.

    A workflow whose history does not replay fails, instead of standing still until somebody
    notices: reconciliation then takes its order up from the log.
    """
    return Worker(
        client,
        task_queue=task_queue,
        workflows=workflows,
        activities=activities,
        interceptors=[ActivityConduct(ledger)],
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


async def run_sagas(
    settings: Settings, pool: Pool, store: EventStore, vault: Vault, stop: asyncio.Event
) -> None:
    client = await connect(settings)
    async with contextlib.aclosing(Providers(settings)) as providers:
        books = Books(CommandHandler(store), providers.payments, providers.carrier)
        activities = [
            *saga_activities(store, vault, providers.payments, providers.carrier),
            *reconciliation_activities(settings, client, pool, store, books),
        ]
        queue, build_id = settings.task_queue, settings.worker_build_id
        ledger = FailedAttempts(pool)
        async with temporal_worker(client, queue, activities, ledger, build_id=build_id):
            logger.info("running sagas from task queue %s, build %s", queue, build_id or "none")
            every = settings.reconcile_every
            scheduling = asyncio.create_task(
                restarting(
                    "the scheduling of reconciliation",
                    lambda: keep_scheduled(client, queue, every, build_id),
                )
            )
            await stop.wait()
            scheduling.cancel()
            await asyncio.gather(scheduling, return_exceptions=True)


async def run_relay(settings: Settings, pool: Pool, store: EventStore, stop: asyncio.Event) -> None:
    settings.require("nats_url")
    async with contextlib.aclosing(await NatsBus.connect(settings.nats_url)) as bus:
        relay = asyncio.create_task(Relay(pool, store, bus).run())
        logger.info("relaying the log when this process is the one to lead")
        await stop.wait()
        relay.cancel()
        await asyncio.gather(relay, return_exceptions=True)


async def run_head(pool: Pool, stop: asyncio.Event) -> None:
    announcer = asyncio.create_task(HeadAnnouncer(pool).run())
    await stop.wait()
    announcer.cancel()
    await asyncio.gather(announcer, return_exceptions=True)


async def run(settings: Settings, roles: Sequence[Role]) -> None:
    """Until SIGTERM or SIGINT. A role that fails ends the process: a supervisor starts it anew."""
    settings.require("database_url")
    master_keys = Keyring.of(settings, "master_key")
    stop = stop_signal()
    async with (
        await create_pool(settings.database_url.get_secret_value()) as pool,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(warn_of_lost_checkpoints(pool))
        vault = Vault(pool, master_keys)
        store = PostgresEventStore(pool, [InlineReadModels()], vault)
        if Role.SAGAS in roles:
            group.create_task(run_sagas(settings, pool, store, vault, stop))
        if Role.RELAY in roles:
            group.create_task(run_relay(settings, pool, store, stop))
        if Role.HEAD in roles:
            group.create_task(run_head(pool, stop))


def stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    return stop


def parse_roles(text: str) -> list[Role]:
    try:
        return [Role(name.strip()) for name in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; there are {', '.join(Role)}") from None


def main() -> None:
    parser = argparse.ArgumentParser(description="Run Waybill's sagas and the relay to the bus.")
    parser.add_argument(
        "--roles",
        type=parse_roles,
        default=list(Role),
        help=f"what this worker does, comma-separated: {', '.join(Role)} (default: all)",
    )
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    for chatty in ("httpx", "stripe"):  # they tell of every request, with its URL
        logging.getLogger(chatty).setLevel(logging.WARNING)
    try:
        uvloop.run(run(load_settings(), arguments.roles))
    except* (SettingsError, OSError, RuntimeError) as errors:
        sys.exit("\n".join(f"worker: {error}" for error in errors.exceptions))


if __name__ == "__main__":
    main()
