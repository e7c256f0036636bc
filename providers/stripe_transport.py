"""Stripe's SDK over the HTTP client of this package, with its errors translated."""

from __future__ import annotations

import json
import logging
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

logger = logging.getLogger(__name__)

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
        is_readable = answer.is_success or _is_error_of_stripe(answer.content)
        return answer.content if is_readable else b"", answer.status_code, answer.headers

    async def close_async(self) -> None:
        await self._http.aclose()


def _is_error_of_stripe(content: bytes) -> bool:
    """Return whether the SDK can read this error; it fails on some that proxies send."""
    try:
        body = json.loads(content)
    except ValueError:
        return False
    return isinstance(body, dict) and isinstance(body.get("error"), dict)


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
            except (
                AttributeError,
                KeyError,
                TypeError,
                UnicodeError,
            ) as fault:  # a fact is not in the answer
                logger.warning("%s: unreadable answer: %s", operation, type(fault).__name__)
                raise ProviderUnavailable(PROVIDER, operation, "unreadable_answer") from None


def not_created(operation: str, error: stripe.StripeError) -> ProviderError:
    """Return the error of a call that should have created a payment.

    A key that came with other parameters before proves nothing: its payment may exist.
    """
    refused = _translated(operation, error)
    code = _code(error)
    if code is not None and error.http_status in _DENIED:
        return CreationDenied(PROVIDER, operation, code)
    if isinstance(refused, ProviderRefused) and not isinstance(error, stripe.IdempotencyError):
        return CreationRefused(PROVIDER, operation, refused.code, refused.status)
    return refused


def _translated(operation: str, error: stripe.StripeError) -> ProviderError:
    """Return our error. A status without Stripe's error object is the answer of a proxy, which
    refuses nothing for Stripe."""
    status = error.http_status or 0
    code = _code(error)
    if status == _FORBIDDEN and code is not None:
        return NotPermitted(PROVIDER, operation, code)
    if code is None or _worth_asking_again(error, status):
        is_outage = status >= _FIRST_SERVER_ERROR or isinstance(error, stripe.APIConnectionError)
        return ProviderUnavailable(
            PROVIDER, operation, code or f"http_{status}", is_outage=is_outage
        )
    return ProviderRefused(PROVIDER, operation, code, status)


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
