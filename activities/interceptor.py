"""What every activity does around its work: stay alive visibly, and say which failure is final."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from activities.failed_attempts import FailureLedger, failed_attempt
from activities.types import PROVIDER_REFUSED
from domain.errors import ErrorCode, Refused
from eventstore.errors import InvalidAppend
from providers.errors import ProviderRefused


class ActivityInterceptor(Interceptor):
    """A refusal, ours or a provider's, is final; anything else is tried again.

    The failure's type is the refusal's code, its first detail the refused field. While an activity
    runs it heartbeats: a killed worker is noticed, and a cancellation arrives. Each attempt of a
    saga's step that fails is noted in the ledger.
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
            async with _heartbeats():
                return await super().execute_activity(input)
        except Exception as error:
            await self._note(error)
            if (final := _final(error)) is not None:
                raise final from None
            raise

    async def _note(self, error: Exception) -> None:
        info = activity.info()
        attempt = failed_attempt(info.workflow_id or "", info.activity_type, error)
        if self._ledger is not None and attempt is not None:
            await self._ledger.note(attempt)


def _final(error: Exception) -> ApplicationError | None:
    """What tells Temporal not to try again, if that is so."""
    match error:
        case Refused():
            return ApplicationError(
                error.message, list(error.field), type=error.code, non_retryable=True
            )
        case ProviderRefused():
            return ApplicationError(
                str(error), [error.code], type=PROVIDER_REFUSED, non_retryable=True
            )
        case InvalidAppend():  # what the log cannot hold now it cannot hold later
            return ApplicationError(str(error), type=ErrorCode.INVALID_INPUT, non_retryable=True)
        case _:
            return None


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
