"""Rebuild a read model from the log while the service runs.

    python -m projections.rebuild --name PROJECTION [--events-per-second N] [--accept]
    python -m projections.rebuild --name PROJECTION --rollback | --drop

Readers and writers go on: a new copy is filled beside the live tables and put in their place. A
rebuild that was interrupted is resumed by the next call, or by a worker with the role
`projections`. The former tables are kept until the next rebuild: --rollback returns to them, and
--drop drops them.

The rows of `order-contacts` are personal data and are never copied. Its rebuild deletes them, and a
worker with that role writes them again for the customers who are not erased.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from typing import Final

from asyncpg import PostgresError

from eventstore.errors import EventStoreError
from kit.command import run_command
from kit.faults import one_line
from kit.pool import CONNECTION_LOST, create_pool
from kit.restart import ServerAway
from projections import order_contacts
from projections.progress import shown_progress
from projections.rebuild import record
from projections.rebuild.assistants import Assistants
from projections.rebuild.errors import NeverCopied, RebuildError
from projections.rebuild.filling import AT_ONCE
from projections.rebuild.procedure import drop_retired, rebuild, roll_back
from projections.registry import UnknownProjection, projection_named
from settings import DatabaseRole, Settings, SettingsError, load_settings

POOL_SIZE: Final = AT_ONCE + 3
"""The connections that fill, the lock, the one that leads, and one that reads the log."""
NOT_REBUILT, INTERRUPTED = 2, 130


async def run(settings: Settings, arguments: argparse.Namespace) -> str:
    if arguments.name == order_contacts.NAME:
        return await _begin_again(settings, arguments)
    projection = projection_named(arguments.name)
    url = settings.url_of(DatabaseRole.PROJECTIONS)
    async with await create_pool(url, size=POOL_SIZE, transaction_seconds=0) as pool:
        if arguments.rollback:
            await roll_back(pool, projection)
            return f"{projection.name} shows its former tables again, with the events since then"
        if arguments.drop:
            await drop_retired(pool, projection)
            return f"the former tables of {projection.name} are dropped"
        async with pool.acquire() as connection:
            rate = arguments.events_per_second
            await record.request(connection, projection, "command line", rate)
        with shown_progress(f"rebuilding {projection.name}") as progress:
            assistants = Assistants.of(url)
            events = await rebuild(
                pool, projection, progress, accept=arguments.accept, assistants=assistants
            )
        return f"{projection.name} is rebuilt from {events} events; its former tables are kept"


async def _begin_again(settings: Settings, arguments: argparse.Namespace) -> str:
    if arguments.rollback or arguments.drop:
        raise NeverCopied(order_contacts.NAME)
    async with await create_pool(settings.url_of(DatabaseRole.PROJECTIONS), size=1) as pool:
        await order_contacts.begin_again(pool)
    return f"{order_contacts.NAME} is emptied: a worker with the role projections fills it again"


def main() -> int:
    arguments = _parser().parse_args()
    try:
        done = asyncio.run(run(load_settings(), arguments))
    except (SettingsError, UnknownProjection, RebuildError, EventStoreError) as error:
        return _failed(str(error), NOT_REBUILT)
    except KeyboardInterrupt:
        return _failed("interrupted: the next call resumes it", INTERRUPTED)
    except (*CONNECTION_LOST, ServerAway, PostgresError) as error:
        why = f"PostgreSQL fails: {one_line(error)}; the next call resumes the rebuild"
        return _failed(why, NOT_REBUILT)
    sys.stdout.write(f"{done}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m projections.rebuild",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--name", metavar="PROJECTION", required=True)
    parser.add_argument(
        "--events-per-second",
        type=_positive,
        metavar="N",
        help="slow down to this (default: full speed)",
    )
    parser.add_argument(
        "--accept", action="store_true", help="replace live tables that differ from the log"
    )
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--rollback", action="store_true", help="return to the former tables")
    other.add_argument("--drop", action="store_true", help="drop the former tables")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _failed(why: str, code: int) -> int:
    sys.stderr.write(f"rebuild: {why}\n")
    return code


if __name__ == "__main__":
    run_command(main)
