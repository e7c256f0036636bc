"""What every activity does around its work: stay alive visibly, and say which failure is final."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.errors import Refused
from providers.errors import ProviderRefused

PROVIDER_REFUSED: Final = "PROVIDER_REFUSED"


class ActivityConduct(Interceptor):
    """A refusal, ours or a provider's, is final; anything else is tried again.

    The failure's type is the refusal's code, its first detail the refused field. While an activity
    runs it heartbeats: a killed worker is noticed, and a cancellation arrives.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Conduct(next)


class _Conduct(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002, ANN401 - the SDK's
        try:
            async with _heartbeats():
                return await super().execute_activity(input)
        except Refused as refused:
            raise ApplicationError(
                refused.message, list(refused.field), type=refused.code, non_retryable=True
            ) from None
        except ProviderRefused as refused:
            raise ApplicationError(
                str(refused), [refused.code], type=PROVIDER_REFUSED, non_retryable=True
            ) from None


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
