"""Run `make republish`, in this process and as the command."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import aclosing

from eventbus.republish import republish
from tests.support.bus_log import Log
from tests.support.forks import ran


async def lines_of(log: Log, first: int, events_at_once: int = 500) -> list[str]:
    """Publish the events from this position again, and return what the command prints."""
    async with (
        log.broker.publishing() as publisher,
        aclosing(republish(log.pool, publisher, first, events_at_once=events_at_once)) as lines,
    ):
        return [line async for line in lines]


async def command(first: str, database_url: str, settings: Mapping[str, str]) -> tuple[int, str]:
    """Run the command; return its exit code and its output, or its errors if it fails."""
    environment = {
        **os.environ,
        "WAYBILL_DATA_DIR": os.devnull,
        "WAYBILL_DATABASE_URL": database_url,
        **settings,
    }
    ended = await ran("-m", "eventbus.republish", f"--from={first}", environment=environment)
    return ended.code, ended.err if ended.code else ended.out
