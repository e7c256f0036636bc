"""Run the system in the foreground until a signal stops it: `make run` and `make demo`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from settings import Settings
from stack import programs, system
from stack.environment import given_by_user, of_the_simulators, ports_of_user
from stack.supervisor import Supervisor, supervised
from stack.system import System

# Every second order of the demonstration uses the discount code.
DEMO_PRICES = {
    "WAYBILL_SHIPPING_PRICE": "EUR=490",
    "WAYBILL_FREE_SHIPPING_FROM": "EUR=8000",
    "WAYBILL_TAX_PERCENT": "19",
    "WAYBILL_DISCOUNT_CODES": "WELCOME=7.5",
}

# The demonstration shows deadlines pass, so they are seconds long. A customer who returns a parcel
# acts within the last one, also on a busy machine.
DEMO_DEADLINES = {
    "WAYBILL_PROVIDER_TIMEOUT": "PT12S",
    "WAYBILL_PAYMENT_WINDOW": "PT25S",
    "WAYBILL_DISPATCH_DEADLINE": "PT25S",
    "WAYBILL_DELIVERY_DEADLINE": "PT20S",
    "WAYBILL_RETURN_WINDOW": "PT5S",
    "WAYBILL_CARRIER_DISPATCH_AFTER": "PT0.5S",
    "WAYBILL_CARRIER_DELIVER_AFTER": "PT1S",
    # The faults are those of single orders: they must pause no other.
    "WAYBILL_BREAKER_CALLS": "1000000",
}

INTERRUPTED = 128 + signal.SIGINT
_PARENT_POLL_SECONDS = 0.5


async def run(settings: Settings, workers: int, end_with_parent: bool) -> int:
    """Run until a signal stops the system, and return 0."""
    try:
        async with (
            stopped_by_signals(end_with_parent),
            _running(settings, workers, given_by_user(settings)) as (supervisor, started),
        ):
            say(_welcome(settings, started))
            async with supervisor.watching():
                await asyncio.Event().wait()
    except asyncio.CancelledError:
        say("Stopped.")
    return 0


async def demo(settings: Settings, workers: int, end_with_parent: bool) -> int:
    """Run until the demonstration ends, and return its exit code."""
    given = {**DEMO_PRICES, **of_the_simulators(given_by_user(settings)), **DEMO_DEADLINES}
    try:
        async with (
            stopped_by_signals(end_with_parent),
            _running(settings, workers, given) as (supervisor, started),
            supervisor.watching(),
        ):
            return await supervisor.finish(programs.demo(started.environment))
    except asyncio.CancelledError:
        say("Stopped.")
        return INTERRUPTED


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def show_progress(text: str) -> None:
    say(f"  {text}")


@asynccontextmanager
async def _running(
    settings: Settings, workers: int, given: Mapping[str, str]
) -> AsyncIterator[tuple[Supervisor, System]]:
    os.umask(0o077)
    began = time.monotonic()
    async with supervised(settings.data_dir, say, show_progress) as supervisor:
        say("Starting Waybill ...")
        started = await system.start(
            supervisor,
            settings.data_dir,
            ports_of_user(settings),
            workers=workers,
            given=given,
        )
        say(f"Waybill is ready after {time.monotonic() - began:.1f} s.")
        try:
            yield supervisor, started
        finally:
            say("Stopping ...")


@asynccontextmanager
async def stopped_by_signals(end_with_parent: bool) -> AsyncIterator[None]:
    """Cancel the body once: after a stop signal, or after the parent has ended."""
    stop, loop = _cancel_once(asyncio.current_task()), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if (number, signal.getsignal(number)) != (signal.SIGHUP, signal.SIG_IGN):  # nohup
            loop.add_signal_handler(number, stop)
    parent = os.getppid()  # read at once: the task may begin after the parent has ended
    watch = loop.create_task(_parent_gone(parent, stop)) if end_with_parent else None
    try:
        yield
    finally:
        if watch:
            watch.cancel()


def _cancel_once(task: asyncio.Task[int] | None) -> Callable[[], None]:
    """Return a function that cancels the task once. A second signal must not abort the stop."""
    tasks = [task] if task else []

    def cancel() -> None:
        while tasks:
            tasks.pop().cancel()

    return cancel


async def _parent_gone(parent: int, stop: Callable[[], None]) -> None:
    """Call `stop` after the parent has ended, so that a killed `make` leaves no stack running."""
    while os.getppid() == parent:  # noqa: ASYNC110 - no system has an event for it
        await asyncio.sleep(_PARENT_POLL_SECONDS)
    stop()


def _welcome(settings: Settings, started: System) -> str:
    return f"""
  GraphQL          {started.url}/graphql
  Temporal Web UI  {started.temporal_ui_url}
  Payments         {started.environment["WAYBILL_PAYMENT_URL"]}
  Carrier          {started.environment["WAYBILL_CARRIER_URL"]}
  Mails            {started.mails_url}
  Health, metrics  {started.url}/readyz, /metrics; of the workers: {", ".join(started.worker_urls)}
  Logs             {settings.data_dir / "logs"}

A first request, from another terminal:

  curl -s {started.url}/graphql -H "Authorization: Bearer $(make -s token ROLE=customer)" \\
    -H "Content-Type: application/json" -d '{{"query": "{{ products(first: 3) {{ edges {{ node \
{{ sku name }} }} }} }}"}}'

Ctrl-C stops everything; the data stays."""
