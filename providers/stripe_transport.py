"""Stripe's SDK over the HTTP client of this package, with its errors translated."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import stripe

from providers.breaker import Breaker, guarded
from providers.errors import (
    CreationDenied,
    CreationRefused,
    NotPermitted,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)
from providers.http import SAYS_NOTHING, answering, pooled_client, timed

PROVIDER = "payments"
_CONFLICT = 409
_FORBIDDEN = 403
_DENIED = {401, _FORBIDDEN}
_FIRST_SERVER_ERROR = 500
_FIRST_CLIENT_ERROR = 400


class StripeTransport(stripe.HTTPClient):
    """The SDK's own httpx client passes the body in a way httpx deprecates, with no pool limits."""

    name = "httpx"

    def __init__(self) -> None:
        super().__init__()
        self._http = pooled_client()

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: str | None = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        answer = await self._http.request(method, url, headers=headers, content=post_data)
        return answer.content, answer.status_code, answer.headers

    async def close_async(self) -> None:
        await self._http.aclose()


@asynccontextmanager
async def asking(
    operation: str, total_seconds: float, breaker: Breaker | None = None
) -> AsyncIterator[None]:
    """Run one operation; raise every error as a ProviderError.

    The original error is cut off: its body can hold the customer's data.
    """
    with guarded(breaker, operation), timed(PROVIDER, operation):
        async with answering(PROVIDER, operation, total_seconds):
            try:
                yield
            except stripe.StripeError as error:
                raise _translated(operation, error) from None


def not_created(operation: str, error: stripe.StripeError) -> ProviderError:
    """Return the error of a call that should have created a payment.

    A key that came with other parameters before proves nothing: its payment may exist.
    """
    refused = _translated(operation, error)
    status = error.http_status or 0
    if status in _DENIED:
        return CreationDenied(PROVIDER, operation, _code(error) or f"http_{status}")
    if isinstance(refused, ProviderRefused) and not isinstance(error, stripe.IdempotencyError):
        return CreationRefused(PROVIDER, operation, refused.code, refused.status)
    return refused


def _translated(operation: str, error: stripe.StripeError) -> ProviderError:
    status = error.http_status or 0
    code = _code(error)
    if status == _FORBIDDEN:
        return NotPermitted(PROVIDER, operation, code or f"http_{status}")
    if _worth_asking_again(error, status):
        is_outage = status >= _FIRST_SERVER_ERROR or isinstance(error, stripe.APIConnectionError)
        return ProviderUnavailable(
            PROVIDER, operation, code or f"http_{status}", is_outage=is_outage
        )
    return ProviderRefused(PROVIDER, operation, code or f"http_{status}", status)


def _worth_asking_again(error: stripe.StripeError, status: int) -> bool:
    if isinstance(error, stripe.RateLimitError) or status in SAYS_NOTHING | {_CONFLICT}:
        return True
    return status >= _FIRST_SERVER_ERROR or status < _FIRST_CLIENT_ERROR


def _code(error: stripe.StripeError) -> str | None:
    body = error.json_body
    facts = body.get("error") if isinstance(body, dict) else None
    if not isinstance(facts, dict):
        return None
    return facts.get("code") or facts.get("type")
