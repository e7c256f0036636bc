"""Suppress addresses, lift a suppression, or send again what has failed.

    python -m notifications suppress --reason bounced < addresses
    python -m notifications lift < addresses
    python -m notifications retry [--order ID]

The addresses are read from the standard input, one on each line, so that no list of processes and
no history of a shell shows them. No line of the output does.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence

from asyncpg import PostgresError

from domain.order.contact_rules import email_of
from eventstore.privacy.search_key import SearchKey
from kit.command import run_command
from kit.pool import create_pool
from notifications.outbox import Channel, Outbox
from notifications.suppressions import SuppressionReason, Suppressions
from settings import Settings, SettingsError, load_settings


class NotAnAddress(Exception):
    """Nothing was changed. The message names the line and does not show it."""

    def __init__(self, line: int, fault: str) -> None:
        super().__init__(f"line {line}: {fault}; nothing was changed")


def addresses(lines: Sequence[str]) -> list[str]:
    """Return the addresses of these lines. Raises NotAnAddress for the first that is none."""
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            found.append(email_of(line.strip()))
        except ValueError as error:
            raise NotAnAddress(number, str(error)) from None
    return found


async def run(settings: Settings, options: argparse.Namespace, lines: Sequence[str]) -> str:
    """Do what the options say, and return a line about it. Raises NotAnAddress, SettingsError."""
    settings.require("database_url")
    async with await create_pool(settings.database_url.get_secret_value(), size=1) as pool:
        if options.command == "retry":
            count = sum([await Outbox(pool, channel).retry(options.order) for channel in Channel])
            return f"{count} notifications are sent again."
        emails = addresses(lines)
        suppressions = Suppressions(pool, SearchKey.of(settings))
        if options.command == "lift":
            lifted = sum([await suppressions.lift(email) for email in emails])
            return f"{lifted} of {len(emails)} addresses were suppressed, and get mail again."
        for email in emails:
            await suppressions.suppress(email, SuppressionReason(options.reason))
        return f"{len(emails)} addresses get no mail."


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="python -m notifications",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = made.add_subparsers(dest="command", required=True)
    suppress = commands.add_parser("suppress", help="send no more mail to these addresses")
    suppress.add_argument("--reason", required=True, choices=[*SuppressionReason])
    commands.add_parser("lift", help="send mail to these addresses again")
    retry = commands.add_parser("retry", help="send again what has failed for good")
    retry.add_argument("--order", metavar="ID", help="only of this order (default: of all)")
    return made


def main() -> None:
    options = parser().parse_args()
    lines = [] if options.command == "retry" else sys.stdin.read().splitlines()
    try:
        sys.stdout.write(f"{asyncio.run(run(load_settings(), options, lines))}\n")
    except (SettingsError, NotAnAddress, OSError, PostgresError) as error:
        sys.exit(f"notifications: {error}")


if __name__ == "__main__":
    run_command(main)
