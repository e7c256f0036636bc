"""End a local activity before Temporal cuts it off, so that it leaves a failure with its cause.

An activity that is cut off is cancelled: it raises no failure, and nothing is recorded. The replay
of a local activity that was cut off does not find its result either.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from temporalio.exceptions import ApplicationError

from activities.types.failures import NO_ANSWER

LOCAL_SECONDS: Final = 8.5
"""The longest attempt of a local activity: `workflows/options.py` allows more."""


@asynccontextmanager
async def ended_in_time(seconds: float = LOCAL_SECONDS) -> AsyncIterator[None]:
    """Raise a failure that may be retried when the time is over."""
    timeout = asyncio.timeout(seconds)
    try:
        async with timeout:
            yield
    except TimeoutError as error:
        if not timeout.expired():
            raise
        raise ApplicationError(
            f"no answer within {seconds:g} s: PostgreSQL is slow, or another writer holds a lock",
            type=NO_ANSWER,
        ) from error
