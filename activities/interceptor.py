"""Intercept every activity: send heartbeats, and name its failures."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.failed_attempts import FailureLedger, failed_attempt, failure_of
from activities.time_limit import ended_in_time


class ActivityInterceptor(Interceptor):
    """A refusal, by the domain or a provider, is final; Temporal retries any other failure.

    The failure's type is the refusal's code, and its first detail the refused field. A running
    activity sends heartbeats: so Temporal notices a killed worker, and a cancellation arrives. The
    ledger records each failed attempt of a saga's step.
    """

    def __init__(self, ledger: FailureLedger | None = None) -> None:
        self._ledger = ledger

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Inbound(next, self._ledger)


class _Inbound(ActivityInboundInterceptor):
    def __init__(self, following: ActivityInboundInterceptor, ledger: FailureLedger | None) -> None:
        super().__init__(following)
        self._ledger = ledger

    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - the SDK's
        try:
            async with _heartbeats(), _ended_in_time():
                return await super().execute_activity(input)
        except Exception as error:
            await self._note(error)
            if (failure := failure_of(error)) is not None:
                raise failure from None
            raise

    async def _note(self, error: Exception) -> None:
        attempt = failed_attempt(activity.info(), error)
        if self._ledger is not None and attempt is not None:
            await self._ledger.note(attempt)


def _ended_in_time() -> AbstractAsyncContextManager[None]:
    """Limit a local activity. Any other asks a provider, whose client has limits of its own."""
    return ended_in_time() if activity.info().is_local else contextlib.nullcontext()


@contextlib.asynccontextmanager
async def _heartbeats() -> AsyncIterator[None]:
    info = activity.info()
    if info.is_local or info.heartbeat_timeout is None:
        yield
        return
    task = asyncio.create_task(_beat(info.heartbeat_timeout / 3))
    try:
        yield
    finally:
        task.cancel()


async def _beat(interval: timedelta) -> None:
    while True:
        await asyncio.sleep(interval.total_seconds())
        activity.heartbeat()
