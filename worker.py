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
import sys
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import asyncpg
import uvloop
from asyncpg.exceptions import ClientConfigurationError

from eventstore.checkpoint import warn_of_lost_checkpoints
from eventstore.postgres import PostgresEventStore
from eventstore.privacy.keyring import Keyring
from eventstore.privacy.vault import Vault
from eventstore.stored_format import require_readable
from kit.command import run_command
from kit.faults import one_line, origin
from kit.listening import CannotListen, require_port
from kit.pool import CONNECTION_LOST, create_pool
from kit.restart import restarting
from kit.tasks import leave_within, together, until_stopped
from observability.logs import set_up_logs
from observability.tracing.exporting import tracing
from projections.inline import InlineReadModels
from providers.breaker import BreakerLimits, Breakers
from roles import monitoring
from roles.job import Job, Parts
from roles.jobs import job_of
from roles.outages import is_server_away
from roles.role import Role
from settings import Environment, Settings, SettingsError, load_settings
from settings_checks import check
from stored_format import OtherStoredFormatError

STOP_WITHIN: Final = timedelta(seconds=2.8)
"""The process has ended this long after SIGTERM, even if a server does not answer."""

TRACED_AS: Final = "waybill-worker"

WRONG_DATABASE_URL: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    ClientConfigurationError,
)
"""PostgreSQL's answers to a wrong user, password or database."""


class RoleFailed(Exception):
    """A role met a fault other than a server that is away; the message is one line."""


def check_settings(settings: Settings, roles: Sequence[Role]) -> None:
    """Raise SettingsError when a setting of one of these roles is missing or wrong."""
    jobs = [job_of(role) for role in roles]
    required = [name for job in jobs for name in job.required(settings)]
    check(settings, "database_url", "master_key", *required)
    Keyring.of(settings, "master_key")
    for job in jobs:
        job.check_settings(settings)


async def run_role(role: Role, job: Job, parts: Parts) -> None:
    """Run the job of a role until cancelled, and again after each time that a server was away.

    Raises RoleFailed for any other fault; the other roles then have STOP_WITHIN to stop.
    """
    try:
        await restarting(f"role {role}", lambda: job.run(parts), job.is_away)
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


async def run(settings: Settings, roles: Sequence[Role], sdk_metrics: str | None = None) -> None:
    """Run the roles until cancelled.

    Raises SettingsError, OtherStoredFormatError, or RoleFailed for a supervisor to see.

    All settings are checked before anything starts. A server that does not answer is waited for,
    while the other roles run. No role starts on a database that answers with another stored format.
    """
    check_settings(settings, roles)
    async with (
        tracing(TRACED_AS),
        await create_pool(settings.database_url.get_secret_value()) as pool,
    ):
        vault = Vault(pool, Keyring.of(settings, "master_key"))
        store = PostgresEventStore(pool, [InlineReadModels()], vault)
        breakers = Breakers(BreakerLimits.of(settings))
        parts = Parts(settings, pool, store, vault, breakers)
        # A fault of the database is reported by the roles that it concerns.
        with contextlib.suppress(asyncpg.PostgresError, TimeoutError, *CONNECTION_LOST):
            async with asyncio.timeout(STOP_WITHIN.total_seconds()):
                await require_readable(pool)
                await warn_of_lost_checkpoints(pool)
        async with monitoring.monitored(settings, roles, pool, sdk_metrics, breakers):
            await together(*(run_role(role, job_of(role), parts) for role in roles))


def parse_roles(text: str) -> list[Role]:
    try:
        return [Role(name.strip()) for name in text.split(",")]
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{error}; there are {', '.join(Role)}") from None


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Run Waybill's sagas, projections, notifications and the relay to the bus."
    )
    parser.add_argument(
        "--roles",
        type=parse_roles,
        default=list(Role),
        help=f"what this worker does, comma-separated: {', '.join(Role)} (default: all)",
    )
    arguments = parser.parse_args()
    set_up_logs(is_away=is_server_away)
    try:
        settings = load_settings()
        jobs = [job_of(role) for role in arguments.roles]
        set_up_logs(
            settings.log_level,
            as_json=settings.environment is Environment.PRODUCTION,
            is_away=lambda error: any(job.is_away(error) for job in jobs),
            contexts=[context for job in jobs for context in job.log_contexts],
        )
        if settings.worker_http_port:
            require_port(monitoring.SETTING, settings.monitoring_host, settings.worker_http_port)
        sdk_metrics = next(filter(None, [job.set_up(settings) for job in jobs]), None)
        uvloop.run(until_stopped(run(settings, arguments.roles, sdk_metrics), STOP_WITHIN))
    except (SettingsError, CannotListen, OtherStoredFormatError, RoleFailed) as error:
        sys.exit(f"worker: {error}")


if __name__ == "__main__":
    run_command(main)
