"""The example that receives webhooks verifies them, and takes each event once."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from standardwebhooks import Webhook

from kit.eventually import eventually
from kit.local_http import local_client
from tests.support.example_process import Rows, rows, running
from tests.support.simulators import free_port

ORDERS = "SELECT stream, version, type FROM orders"
SEEN = "SELECT count(*) FROM seen"


def secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


class Receiver:
    """The running example, as Waybill calls it."""

    def __init__(self, http: httpx.AsyncClient, key: str, file: Path) -> None:
        self.http = http
        self.key = key
        self.file = file

    async def send(
        self, event: dict[str, object], *, key: str = "", age: timedelta = timedelta()
    ) -> int:
        """Send the event, signed by the library of Standard Webhooks; return the status."""
        body, at = json.dumps(event), datetime.now(UTC) - age
        headers = {
            "webhook-id": str(event["id"]),
            "webhook-timestamp": str(int(at.timestamp())),
            "webhook-signature": Webhook(key or self.key).sign(str(event["id"]), at, body),
        }
        return (await self.http.post("/", content=body, headers=headers)).status_code

    @property
    def state(self) -> tuple[Rows, Rows]:
        return rows(self.file, ORDERS), rows(self.file, SEEN)


@pytest.fixture
async def receiver(tmp_path: Path) -> AsyncIterator[Receiver]:
    key, port, file = secret(), free_port(), tmp_path / "orders.db"
    async with (
        running("receive_webhook.py", str(port), str(file), environment={"SECRET": key}),
        local_client(base_url=f"http://127.0.0.1:{port}") as http,
    ):

        async def listens() -> bool:
            try:
                return (await http.post("/", content=b"{}")).status_code == 400
            except httpx.TransportError:
                return False

        await eventually(listens)
        yield Receiver(http, key, file)


def event(version: int, event_type: str, stream: str = "order-1") -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": str(uuid4()),
        "source": "/waybill",
        "type": f"waybill.{event_type}.v1",
        "subject": stream,
        "streamversion": str(version),
        "data": {},
    }


async def test_it_keeps_the_last_event_of_each_order_and_takes_a_repetition_once(
    receiver: Receiver,
) -> None:
    created, reserved = event(1, "OrderCreated"), event(2, "OrderReserved")
    sent = (created, reserved, reserved, event(7, "ProductListed", "product-cup"))

    assert [await receiver.send(each) for each in sent] == [204] * 4

    assert receiver.state == ([("order-1", 2, "waybill.OrderReserved.v1")], [(3,)])


async def test_an_earlier_event_that_comes_late_changes_nothing(receiver: Receiver) -> None:
    await receiver.send(event(3, "OrderAuthorized"))

    assert await receiver.send(event(2, "OrderReserved")) == 204

    assert receiver.state == ([("order-1", 3, "waybill.OrderAuthorized.v1")], [(2,)])


async def test_it_takes_the_test_event_of_an_endpoint(receiver: Receiver) -> None:
    trial = event(0, "WebhookTested", "webhook-1")
    del trial["streamversion"]

    assert await receiver.send(trial) == 204

    assert receiver.state == ([], [(1,)])


async def test_it_refuses_what_waybill_has_not_signed_and_stores_nothing(
    receiver: Receiver,
) -> None:
    created = event(1, "OrderCreated")

    refused = [
        await receiver.send(created, key=secret()),
        await receiver.send(created, age=timedelta(minutes=6)),
        await receiver.send(created, age=timedelta(minutes=-6)),
        (await receiver.http.post("/", json=created)).status_code,
        (await receiver.http.post("/", content=b"\xff")).status_code,
    ]

    assert refused == [400] * 5
    assert receiver.state == ([], [(0,)])
