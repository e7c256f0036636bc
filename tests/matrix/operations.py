"""Map a provider's requests to the simulator's operations, and report each as soon as it is done.

The report precedes our client's answer, because one call of the client may send several requests.
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
"""The operation of each path that changes something; None means the last part of the path."""


def operation_of(request: httpx.Request) -> str:
    if request.method == "GET":
        return LOOK
    for path, operation in _PATHS:
        if found := path.fullmatch(request.url.path):
            return "cancel" if _is_fence(request) else operation or found[1]
    raise LookupError(f"no operation is known by {request.method} {request.url.path}")


def report_operations(
    client: HttpCarrier | StripePayments, report: Callable[[str], Awaitable[None]]
) -> None:
    """Report each operation that the client's provider has answered, before the client knows it."""

    async def answered(answer: httpx.Response) -> None:
        await report(operation_of(answer.request))

    http = client._transport._http if isinstance(client, StripePayments) else client._http
    http.event_hooks = {"response": [answered]}


def _is_fence(request: httpx.Request) -> bool:
    """Return whether the shipment is cancelled from the start, as part of a cancellation."""
    if not request.url.path.startswith("/v1/shipments"):
        return False
    return bool(request.content) and json.loads(request.content).get("status") == "cancelled"
