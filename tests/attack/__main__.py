"""Attack a running API for minutes: `make attack [SECONDS=300]`.

Fuzzers and floods run beside an honest client. It fails on any server error, on any answer to the
honest client that is refused or takes over a second, on memory that grows, and on too few cases of
a route.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import psutil

from api.app import create_app
from kit.command import run_command
from settings import Settings
from stack.environment import Environment
from stack.errors import StackError
from stack.system import System, started_system
from stack.tokens import Role
from tests.attack.attackers import ATTACKS, ready, run
from tests.attack.honest import ask_until
from tests.attack.report import Report, demanded_in
from tests.attack.target import Target
from tests.support.routes import routes_of

SKU: Final = "TEA-01"
OPERATORS: Final = 20
PATIENCE: Final = 3
"""A slow machine may take this many times as long to make the cases that a run needs."""
WARM_UP_SECONDS: Final = 15.0
"""The caches are full after this time: from then on, memory must not grow."""


async def attack(system: System, seconds: float) -> Report:
    loop = asyncio.get_running_loop()
    with ExitStack() as stack:
        processes = {name: stack.enter_context(_process()) for name in ATTACKS}
        target = _target(system)
        await asyncio.gather(
            *(loop.run_in_executor(one, ready, name, target) for name, one in processes.items())
        )
        target = _ending(target, seconds)
        memory = asyncio.create_task(_memory_after_warm_up(system.api.pid, seconds))
        attacks = asyncio.gather(
            *(loop.run_in_executor(one, run, name, target) for name, one in processes.items())
        )
        ada = system.token(Role.CUSTOMER, "ada")
        honest = await ask_until(attacks.done, system.url, ada, SKU)
        attackers = await attacks
    routes = [route.name for route in target.routes]
    return Report(seconds, routes, honest, attackers, await memory, _memory(system.api.pid))


def _ending(target: Target, seconds: float) -> Target:
    now = time.time()
    return replace(
        target,
        ends_at=now + seconds,
        gives_up_at=now + seconds * PATIENCE,
        demanded=demanded_in(seconds),
    )


def _target(system: System) -> Target:
    """Return a target without an end."""
    settings = _settings(system.environment)
    return Target(
        system.url,
        tuple(system.token(Role.OPERATOR, f"mallory-{number}") for number in range(OPERATORS)),
        tuple(routes_of(create_app(settings))),
        settings.payment_webhook_secret.get_secret_value(),
        settings.carrier_webhook_secret.get_secret_value(),
        ends_at=math.inf,
        gives_up_at=math.inf,
        demanded=0,
    )


def _settings(environment: Environment) -> Settings:
    named = {name.removeprefix("WAYBILL_").lower(): value for name, value in environment.items()}
    return Settings.model_validate(
        {name: value for name, value in named.items() if name in Settings.model_fields}
    )


def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=get_context("spawn"))


async def _memory_after_warm_up(pid: int, seconds: float) -> int:
    await asyncio.sleep(min(WARM_UP_SECONDS, seconds / 3))
    return _memory(pid)


def _memory(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss)


async def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.attack", description=__doc__)
    parser.add_argument("--seconds", type=float, default=300.0, help="how long (300)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        async with started_system(Path(folder)) as system:
            sys.stdout.write(f"Attacking {system.url} for {options.seconds:g} s ...\n")
            sys.stdout.flush()
            report = await attack(system, options.seconds)
    sys.stdout.write(f"{report.text()}\n")
    return 1 if report.faults() else 0


def command() -> int | str:
    try:
        return asyncio.run(main())
    except StackError as error:
        return f"attack: {error}"


if __name__ == "__main__":
    run_command(command)
