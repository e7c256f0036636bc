"""Notify operators in a process of its own, so that a test can kill it.

python -m tests.support.notice_worker URL SMTP_URL WEBHOOK_URL
"""

from __future__ import annotations

import asyncio
import logging
import sys
from dataclasses import replace
from datetime import timedelta

from kit.command import run_command
from kit.pool import create_pool
from tests.support.mailing import QUICK
from tests.support.operator_notices import Operators

LEASE = timedelta(seconds=6)


async def main(url: str, smtp_url: str, webhook_url: str) -> None:
    logging.basicConfig(level=logging.INFO)
    pace = replace(QUICK, lease=LEASE, attempt_timeout=LEASE * 0.8, max_attempts=1000)
    async with await create_pool(url, size=8) as pool:
        await Operators(pool, smtp_url, webhook_url, pace=pace, smtp_timeout=4).run()


if __name__ == "__main__":
    run_command(lambda: asyncio.run(main(*sys.argv[1:])))
