"""What a request asks of a provider, in the words of its simulator, told as soon as it is done.

Sooner than our client answers: one call of it may ask for several things.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable
from typing import Final

import httpx

from providers.http_carrier import HttpCarrier
from providers.stripe_payments import StripePayments

LOOK: Final = "look"
_PATHS: Final = (
    (re.compile(r"/v1/payment_intents"), "create"),
    (re.compile(r"/v1/payment_intents/[^/]+/(confirm|capture|cancel)"), None),
    (re.compile(r"/v1/refunds"), "refund"),
    (re.compile(r"/v1/shipments"), "create"),
    (re.compile(r"/v1/shipments/[^/]+/(cancel)"), None),
    (re.compile(r"/v1/returns"), "return"),
)
"""The operation of each path that changes something; None: it is the path's last word."""


def operation_of(request: httpx.Request) -> str:
    if request.method == "GET":
        return LOOK
    for path, operation in _PATHS:
        if found := path.fullmatch(request.url.path):
            return "cancel" if _is_fence(request) else operation or found[1]
    raise LookupError(f"no operation is known by {request.method} {request.url.path}")


def tell(client: HttpCarrier | StripePayments, whom: Callable[[str], Awaitable[None]]) -> None:
    """Of each operation that the client's provider has answered, before the client knows it."""

    async def answered(answer: httpx.Response) -> None:
        await whom(operation_of(answer.request))

    http = client._transport._http if isinstance(client, StripePayments) else client._http
    http.event_hooks = {"response": [answered]}


def _is_fence(request: httpx.Request) -> bool:
    """A shipment that is cancelled from the start: part of a cancellation."""
    if not request.url.path.startswith("/v1/shipments"):
        return False
    return bool(request.content) and json.loads(request.content).get("status") == "cancelled"
