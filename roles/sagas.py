"""The role `sagas`: run the workflows and their activities."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import Final, NoReturn

from temporalio.client import Client
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.command_handler import CommandHandler
from activities.failed_attempts import FailedAttempts
from activities.reconciliation.provider_comparison import ProviderComparison
from eventstore.heartbeat import record_polling
from kit.faults import causes, one_line
from kit.pool import Pool
from kit.restart import restarting
from kit.tasks import together
from roles.job import Job, Parts
from roles.outages import is_server_away
from roles.provider_clients import PROVIDER_SETTINGS, Providers
from roles.temporal_worker import reconciliation_activities, saga_activities, temporal_worker
from settings import Settings
from temporal import client as temporal
from temporal.client import TemporalAway, connect, is_temporal_away, require_namespace
from temporal.leaving import RecentRuns, leave
from temporal.log_context import keep_messages_plain, of_workflow
from temporal.sandbox import sandbox
from temporal.schedules import keep_scheduled
from temporal.telemetry import set_up_sdk

SECONDS_BETWEEN_RECORDS: Final = 4.0

logger = logging.getLogger(__name__)


async def run_sagas(parts: Parts) -> None:
    """Run the sagas until cancelled. Raises TemporalAway."""
    settings, pool, store = parts.settings, parts.pool, parts.store
    warn_of_short_holds(settings)
    client = await connect(settings)
    await require_namespace(client)
    async with contextlib.aclosing(Providers(settings, parts.breakers)) as providers:
        ledger = FailedAttempts(pool)
        comparer = ProviderComparison(CommandHandler(store), providers.payments, providers.carrier)
        activities = [
            *saga_activities(
                pool,
                store,
                parts.vault,
                providers.payments,
                providers.carrier,
                settings.payment_hold,
                ledger=ledger,
            ),
            *reconciliation_activities(settings, client, pool, store, comparer),
        ]
        queue, build_id = settings.task_queue, settings.worker_build_id
        runner = sandbox()
        worker = temporal_worker(
            client, queue, activities, ledger, build_id=build_id, runner=runner
        )
        logger.info("running sagas from task queue %s, build %s", queue, build_id or "none")
        await together(
            run_temporal_worker(worker, client, runner.recent),
            keep_scheduled(client, queue, settings.reconcile_every, build_id),
            keep_recording_polls(client, pool, queue, build_id),
        )


def warn_of_short_holds(settings: Settings) -> None:
    """Name a dispatch deadline that outlasts the hold: its customers are asked to pay again."""
    if settings.dispatch_deadline + settings.undo_timeout > settings.payment_hold:
        logger.warning(
            "WAYBILL_DISPATCH_DEADLINE (%s) with WAYBILL_UNDO_TIMEOUT (%s) is longer than "
            "WAYBILL_PAYMENT_HOLD (%s): customers whose parcels leave late must pay again",
            settings.dispatch_deadline,
            settings.undo_timeout,
            settings.payment_hold,
        )


async def run_temporal_worker(worker: Worker, client: Client, recent: RecentRuns) -> None:
    """Run until cancelled. Raises TemporalAway when it failed because Temporal does not answer."""
    running = asyncio.create_task(worker.run())
    try:
        await asyncio.shield(running)
    except asyncio.CancelledError:
        await leave(client, worker.task_queue, recent)
        running.cancel()
        await asyncio.wait({running})
        raise
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

    await restarting("recording that this worker polls", record, is_away)


def is_away(error: BaseException) -> bool:
    """Return whether the error, or its cause, means that a server or Temporal does not answer."""
    return is_server_away(error) or any(map(is_temporal_away, causes(error)))


def _required(_: Settings) -> Sequence[str]:
    return ("payload_key", *PROVIDER_SETTINGS)


def _check_settings(settings: Settings) -> None:
    temporal.check_settings(settings)
    Providers.check_settings(settings)


def _set_up(settings: Settings) -> str | None:
    keep_messages_plain()
    return set_up_sdk(with_metrics=bool(settings.worker_http_port))


JOB = Job(
    run=run_sagas,
    required=_required,
    check_settings=_check_settings,
    is_away=is_away,
    set_up=_set_up,
    log_contexts=[of_workflow],
)
