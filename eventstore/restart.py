"""What runs for as long as its process: begun again after every fault, ended by a cancellation."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

SECONDS_AFTER_A_FAULT: Final = 1.0

logger = logging.getLogger(__name__)


async def restarting(name: str, job: Callable[[], Awaitable[None]]) -> NoReturn:
    """Until cancelled. The job must be able to go on from where it was."""
    while True:
        try:
            await job()
        except Exception as error:
            # A fault on the way out, of a connection that is gone, say, may hide a cancellation.
            if (task := asyncio.current_task()) is not None and task.cancelling():
                raise asyncio.CancelledError from error
            logger.exception("%s was interrupted and starts again", name)
        await asyncio.sleep(SECONDS_AFTER_A_FAULT)
