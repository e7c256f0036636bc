"""Tells Temporal which failures no retry can mend."""

from __future__ import annotations

from typing import Any

from temporalio.exceptions import ApplicationError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from domain.errors import Refused
from providers.errors import ProviderRefused


class RefusalInterceptor(Interceptor):
    """A refusal, ours or a provider's, is final; anything else is tried again.

    The failure's type is the refusal's code, its first detail the refused field.
    """

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:  # noqa: A002 - the SDK's name
        return _Refusals(next)


class _Refusals(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:  # noqa: A002 - the SDK's name
        try:
            return await super().execute_activity(input)
        except Refused as refused:
            raise ApplicationError(
                refused.message, list(refused.field), type=refused.code, non_retryable=True
            ) from None
        except ProviderRefused as refused:
            raise ApplicationError(
                str(refused), [refused.code], type="PROVIDER_REFUSED", non_retryable=True
            ) from None
