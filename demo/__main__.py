"""Drive real orders through every outcome and check stock and money: `python -m demo`.

It is an ordinary client of a running system. `make demo` starts a system and stops it afterwards.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import signal
import sys
import time
from collections.abc import Sequence
from typing import Final

import httpx
from rich.console import Console

from demo.client import Client, Failed
from demo.conservation import discrepancies, kept
from demo.evidence import gather
from demo.mails import gather_mails
from demo.plan import CUSTOMERS, ORDINARY, plan, units_wanted
from demo.play import UNDER_WAY, play_all, receive
from demo.progress import display
from demo.report import show
from demo.scenarios import People
from kit.command import run_command
from settings import Settings, SettingsError, load_settings
from settings_checks import check
from stack.ports import LOOPBACK
from stack.tokens import Role, token

ANSWER_WITHIN_SECONDS: Final = 20.0
"""Slightly longer than the API waits for a worker before it answers UNAVAILABLE."""
INTERRUPTED: Final = 128 + signal.SIGINT


async def run(settings: Settings, console: Console, ordinary: int) -> int:
    """Return 0 if all orders end as expected without discrepancies, else 1. Raises Failed."""
    check(settings, "jwt_secret", "database_url", "payment_url", "carrier_url")
    name = f"demo-{secrets.token_hex(4)}"
    plans = plan(name, ordinary, next(iter(settings.discount_codes), None))
    async with httpx.AsyncClient(timeout=ANSWER_WITHIN_SECONDS) as http:
        operator = _client(settings, http, Role.OPERATOR, "demo")
        await receive(operator, name, units_wanted(plans))
        console.print(f"Placing {len(plans)} orders, {UNDER_WAY} at a time ...")
        start = time.monotonic()
        people = {
            customer: People(_client(settings, http, Role.CUSTOMER, customer), operator)
            for customer in CUSTOMERS
        }
        with display(console, plans) as progress:
            endings = await play_all(plans, people, progress.began, progress.ended)
        seconds = time.monotonic() - start
        placed = [ending.order_id for ending in endings if ending.order_id]
        evidence = await gather(settings, http, placed)
        mails = await gather_mails(settings, http, placed)
    faults = discrepancies(evidence)
    show(console, endings, seconds, faults, kept(evidence))
    if mails is not None:
        console.print(str(mails), *mails.faults, sep="\n", highlight=False)
        faults = [*faults, *mails.faults]
    return 0 if not faults and all(ending.is_expected for ending in endings) else 1


def _client(settings: Settings, http: httpx.AsyncClient, role: Role, name: str) -> Client:
    url = f"http://{LOOPBACK}:{settings.http_port}"
    return Client(http, url, token(settings.jwt_secret.get_secret_value(), role, name))


async def _until_stopped(settings: Settings, console: Console, ordinary: int) -> int:
    task = asyncio.create_task(run(settings, console, ordinary))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        console.print("The demonstration was interrupted; its orders continue without it.")
        return INTERRUPTED


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument(
        "--orders", type=_count, default=ORDINARY, help=f"orders that just succeed ({ORDINARY})"
    )
    ordinary = parser.parse_args(arguments).orders
    try:
        return asyncio.run(_until_stopped(load_settings(), Console(), ordinary))
    except (SettingsError, Failed, httpx.HTTPError, OSError) as error:
        sys.stderr.write(f"demo: {error}\n")
        return 1


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 10_000:  # noqa: PLR2004 - said in the message
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 10000")
    return int(text)


if __name__ == "__main__":
    run_command(main)
