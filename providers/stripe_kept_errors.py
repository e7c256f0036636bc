"""Get past the 500s that Stripe keeps.

Stripe keeps its first answer under an idempotency key for a day, a 500 too, and marks each
repetition (https://docs.stripe.com/api/idempotent_requests). The key is then of no more use.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

import stripe

from providers.errors import ProviderUnavailable
from providers.stripe_transport import PROVIDER

T = TypeVar("T")
REPLAYED: Final = "idempotent-replayed"
_SERVER_ERROR: Final = 500


class NoKeyLeft(ProviderUnavailable):
    """Stripe keeps a 500 under every key that this call may use."""

    def __init__(self, operation: str) -> None:
        self.advice = "Stripe repeats an error under each of the call's keys, for a day"
        super().__init__(PROVIDER, operation, "http_500")


async def under_a_working_key(
    operation: str, keys: Iterable[str], call: Callable[[str], Awaitable[T]]
) -> T:
    """Call under the first of these keys whose answer is no kept 500. Raises NoKeyLeft.

    A key is passed over only when Stripe has marked its 500 as repeated, so that all callers agree
    on the key that counts. So a first 500 is asked for again, once in each call.
    """
    may_repeat = True
    for key in keys:
        while True:
            try:
                return await call(key)
            except stripe.APIError as error:
                if _is_kept(error):
                    break
                if error.http_status != _SERVER_ERROR or not may_repeat:
                    raise
                may_repeat = False
    raise NoKeyLeft(operation)


def is_server_error(error: stripe.APIError) -> bool:
    return (error.http_status or 0) >= _SERVER_ERROR


def _is_kept(error: stripe.APIError) -> bool:
    return is_server_error(error) and REPLAYED in (error.headers or {})
