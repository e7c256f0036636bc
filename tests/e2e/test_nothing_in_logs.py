"""No log line of any process holds an address or a token, whatever path has handled it."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from uuid import uuid4

import httpx
import pytest

from kit.eventually import eventually
from kit.local_http import local_client
from stack.system import System
from stack.tokens import Role
from tests.e2e.test_nothing_in_clear import an_order, ask
from tests.integration.privacy.conftest import MARKERS
from tests.support.api_client import Json

SECRETS: Final = (
    *("zvqbearer7", "zvqunsubscribe7", "zvqwebhook7", "zvqsignature7"),
    *("zvqvariable7", "zvqdocument7", "zvqpushkey7"),
)
"""Marks in what only its sender may know. Each occurs nowhere else."""
PROCESSES: Final = {"api.log", "worker-1.log"}


def logs(system: System) -> str:
    files = list((Path(system.environment["WAYBILL_DATA_DIR"]) / "logs").glob("*.log*"))
    assert {file.name for file in files} >= PROCESSES
    return "\n".join(file.read_text(errors="replace") for file in files)


async def place(system: System, http: httpx.AsyncClient, method: str) -> str:
    order = an_order() | {"paymentMethod": method}
    placed = (await ask(system, http, "PlaceOrder", input=order))["placeOrder"]
    assert placed["userErrors"] == []
    return str(placed["order"]["id"])


async def becomes(system: System, http: httpx.AsyncClient, order_id: str, status: str) -> None:
    async def has_it() -> bool:
        order = (await ask(system, http, "Order", id=order_id))["order"]
        return bool(order["status"] == status)

    await eventually(has_it, seconds=60)


async def fail_carrier(system: System) -> None:
    async with local_client(base_url=system.environment["WAYBILL_CARRIER_URL"]) as carrier:
        fault = {"fail_next": {"operation": "create", "how": "503", "times": 2}}
        (await carrier.post("/control", json=fault)).raise_for_status()


@pytest.fixture(scope="module")
async def handled(system: System) -> str:
    """Send marked addresses and tokens along every path; return the log of all processes."""
    bearer = {"Authorization": "Bearer zvqbearer7"}
    async with local_client(base_url=system.url, timeout=20) as http:
        await becomes(system, http, await place(system, http, "pm_card_visa"), "COMPLETED")
        await becomes(
            system, http, await place(system, http, "pm_card_chargeDeclined"), "CANCELLED"
        )
        await fail_carrier(system)
        await becomes(system, http, await place(system, http, "pm_card_visa"), "COMPLETED")

        assert (await http.post("/graphql", json={"query": "{x}"}, headers=bearer)).is_error
        for path in ("/webhooks/payments", "/webhooks/shipping"):
            signed = dict.fromkeys(("Stripe-Signature", "webhook-signature"), "v1=zvqsignature7")
            refused = await http.post(path, json={"address": "zvqwebhook7"}, headers=signed)
            assert refused.status_code == 400
        await http.get("/unsubscribe/zvqunsubscribe7")
        await http.post("/unsubscribe/zvqunsubscribe7")
        assert "errors" in await wrong(system, http, "query { zvqdocument7 }", {})
        variables = {"input": {"paymentMethod": {"zvqvariable7": ["zvqvariable7"]}}}
        document = "mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { position } }"
        assert "errors" in await wrong(system, http, document, variables)
        endpoint = {
            "idempotencyKey": str(uuid4()),
            "endpoint": "https://push.example.com/zvqpushkey7",
            "keys": {"p256dh": "zvqpushkey7", "auth": "zvqpushkey7"},
        }
        document = (
            "mutation ($input: SubscribeToPushInput!)"
            " { subscribeToPush(input: $input) { userErrors { code } } }"
        )
        await wrong(system, http, document, {"input": endpoint})
    return logs(system)


async def wrong(system: System, http: httpx.AsyncClient, document: str, variables: Json) -> Json:
    headers = {"Authorization": f"Bearer {system.token(Role.CUSTOMER, 'marked')}"}
    body = {"query": document, "variables": variables}
    answer: Json = (await http.post("/graphql", json=body, headers=headers)).json()
    return answer


def test_the_provider_fault_was_logged(handled: str) -> None:
    assert "carrier create: " in handled


@pytest.mark.parametrize("mark", [*SECRETS, *MARKERS])
def test_no_line_holds_a_marked_address_or_token(handled: str, mark: str) -> None:
    assert mark not in handled
