"""A customer hears of each final fact live, and the order says what became of its mails."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from uuid import uuid4

from kit.eventually import eventually
from kit.local_http import local_client
from stack.system import System
from stack.tokens import Role
from tests.e2e.orders import THERE, an_order, ask
from tests.e2e.test_commands import command
from tests.support.api_client import Json, connecting, operation


async def test_a_customer_without_a_contact_hears_live_and_the_order_says_no_recipient(
    system: System,
) -> None:
    token = system.token(Role.CUSTOMER, f"customer-{uuid4()}")
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        connecting(system.url, additional_headers=headers) as socket,
        local_client(base_url=system.url, headers=headers, timeout=20) as http,
    ):
        await socket.send(type="connection_init")
        await socket.receive()
        await socket.subscribe(operation("Notifications"))
        assert (await socket.update())["__typename"] == "NotificationsStart"
        placed = (await ask(http, "PlaceOrder", input=an_order(THERE)))["placeOrder"]["order"]
        async with asyncio.timeout(60):
            told = [await socket.update() for _ in range(3)]

    assert [(each["kind"], each["orderId"]) for each in told] == [
        (kind, placed["id"]) for kind in ("RECEIVED", "SHIPPED", "DELIVERED")
    ]
    expected = [(kind, "NO_RECIPIENT") for kind in ("RECEIVED", "SHIPPED", "DELIVERED")]
    await eventually(lambda: _printed(system.environment, placed["id"], expected), 60)


async def _printed(
    environment: Mapping[str, str], order_id: str, expected: list[tuple[str, str]]
) -> bool:
    """Return whether `make order` prints these notifications."""
    code, lines = await command(environment, "demo.query", "Order", "--id", order_id)
    assert code == 0, lines
    order: Json = json.loads("".join(lines))["order"]
    return [(each["kind"], each["state"]) for each in order["notifications"]] == expected
