"""A client that places an order now and then, and reads what it has placed."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from itertools import count
from typing import Any, Final
from uuid import uuid4

import httpx

from tests.attack.report import Honest
from tests.support.api_client import operation
from tests.support.api_inputs import ADDRESS

OWN_ADDRESS: Final = "127.0.0.2"
PAUSE_SECONDS: Final = 0.1


async def ask_until(is_over: Callable[[], bool], url: str, token: str, sku: str) -> Honest:
    side = Honest("honest client")
    transport = httpx.AsyncHTTPTransport(local_address=OWN_ADDRESS)
    headers = {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(
        base_url=url, transport=transport, headers=headers, timeout=15
    ) as http:
        for number in count():
            if is_over():
                return side
            if number % 10 == 0:
                await _ask(http, side, "PlaceOrder", input=_an_order(sku))
            else:
                await _ask(http, side, "Orders", first=5)
            await asyncio.sleep(PAUSE_SECONDS)
    raise AssertionError("unreachable")


def _an_order(sku: str) -> Mapping[str, Any]:
    return {
        "idempotencyKey": str(uuid4()),
        "lines": [{"sku": sku, "quantity": 1}],
        "paymentMethod": "pm_card_visa",
        "shippingAddress": ADDRESS,
    }


async def _ask(http: httpx.AsyncClient, side: Honest, name: str, **variables: object) -> None:
    began = time.monotonic()
    try:
        body = {"query": operation(name), "variables": variables}
        response = await http.post("/graphql", json=body)
        status = response.status_code
        if errors := _errors(response):
            side.faults.append(f"{name} failed: {errors}")
    except httpx.HTTPError:
        status = 0
    side.asked(name, status, time.monotonic() - began)


def _errors(response: httpx.Response) -> str:
    answer = response.json()
    found = list(answer.get("errors") or [])
    for field in (answer.get("data") or {}).values():
        found += field.get("userErrors") or []
    return json.dumps(found)[:300] if found else ""
