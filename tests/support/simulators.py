"""Run the two simulators as real processes, and an endpoint that takes their webhooks."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from kit.eventually import eventually
from kit.local_http import NO_CERTIFICATES, local_client
from providers.references import order_of
from stack.ports import Ports
from tests.support.guarded import guarded

ROOT = Path(__file__).parents[2]
API_KEY = "key-of-the-tests"
RETURN_URL = "https://shop.example/paid"
SECRET = "whsec_" + base64.b64encode(b"secret of the tests, 32 bytes ok").decode()
SHORT_TIMEOUT_SECONDS = 2.0
"""The timeout of an impatient client; the simulators hang for far longer."""

STOP_SECONDS = 5

NOT_TAKEN = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
TAKEN = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"


def free_port() -> int:
    return Ports.free().http_port


@dataclass(frozen=True)
class Delivery:
    raw: bytes
    headers: dict[str, str]
    body: dict[str, Any]

    @property
    def order_id(self) -> str:
        """Return the order; of a refund or a dispute, which do not name it, the payment."""
        data = self.body["data"]
        if "reference" in data:
            return order_of(str(data["reference"]))
        subject = data["object"]
        return order_of(str(subject["metadata"].get("order_id") or subject["payment_intent"]))


class Receiver:
    """Take webhooks, sorted by order. A test may let it refuse the first ones of an order."""

    def __init__(self) -> None:
        self.port = free_port()
        self._deliveries: defaultdict[str, asyncio.Queue[Delivery]] = defaultdict(asyncio.Queue)
        self._not_taken: defaultdict[str, int] = defaultdict(int)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/webhooks"

    def refuse(self, order_id: str, times: int) -> None:
        self._not_taken[order_id] = times

    async def next(self, order_id: str) -> Delivery:
        return await asyncio.wait_for(self._deliveries[order_id].get(), 10)

    async def types(self, order_id: str, count: int) -> set[str]:
        """Return the types of the next webhooks, which arrive in any order."""
        return {(await self.next(order_id)).body["type"] for _ in range(count)}

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[1:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in head)}
        raw = await reader.readexactly(int(headers["content-length"]))
        delivery = Delivery(raw, headers, json.loads(raw))
        self._deliveries[delivery.order_id].put_nowait(delivery)
        self._not_taken[delivery.order_id] -= 1
        writer.write(NOT_TAKEN if self._not_taken[delivery.order_id] >= 0 else TAKEN)
        await writer.drain()
        writer.close()


@dataclass(frozen=True)
class SimulatorProcess:
    module: str
    port: int
    data_dir: Path
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        environment = {**os.environ, **self.environment, "WAYBILL_DATA_DIR": str(self.data_dir)}
        command = [sys.executable, "-m", f"providers.{self.module}"]
        with guarded(command, environment=environment, folder=ROOT) as process:
            yield process
            process.terminate()  # a process that is killed writes no coverage
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)

    async def ready(self) -> None:
        async with local_client() as http, asyncio.timeout(20):
            while True:
                try:
                    assert (await http.get(f"{self.url}/healthz")).json() == {"status": "ok"}
                except httpx.TransportError:
                    await asyncio.sleep(0.02)
                else:
                    return

    async def effects(self, order_id: str) -> dict[str, tuple[int, int]]:
        """Return the count and the sum of each effect on the order, as recorded there."""
        async with local_client() as http:
            answer = await http.get(f"{self.url}/effects", params={"order_id": order_id})
        found = answer.json()["orders"].get(order_id, {})
        return {name: (entry["count"], entry["amount"]) for name, entry in found.items()}

    async def happen(self, what: str, **facts: object) -> dict[str, Any]:
        """Make something happen at the bank or on the way: a dispute, a parcel that is found."""
        async with local_client() as http:
            answer = await http.post(f"{self.url}/control/{what}", json=facts)
            answer.raise_for_status()
            happened: dict[str, Any] = answer.json()
        return happened

    async def authenticate(self, reference: str, outcome: str) -> None:
        """Act as the customer on the bank's page: `approve` or `fail`."""
        async with local_client() as http:
            answer = await http.post(
                f"{self.url}/authenticate/{reference}", data={"outcome": outcome}
            )
            answer.raise_for_status()

    async def end_hold(self, order_id: str, seconds: float = 0) -> None:
        """Have the payment provider release the present hold of the order after this time."""
        async with local_client() as http:
            ends = {"order_id": order_id, "seconds": seconds}
            (await http.post(f"{self.url}/control/holds", json=ends)).raise_for_status()

    async def refund_by_hand(self, reference: str, amount: int) -> str:
        """Refund in the provider's dashboard; return the id of the refund."""
        async with local_client() as http:
            answer = await http.post(
                f"{self.url}/dashboard/refunds",
                data={"payment_intent": reference, "amount": str(amount)},
            )
            answer.raise_for_status()
            return str(answer.json()["id"])

    async def until_recorded(self, order_id: str, effect: str, times: int = 1) -> None:
        async def is_booked() -> bool:
            return (await self.effects(order_id)).get(effect, (0, 0))[0] >= times

        await eventually(is_booked, seconds=10)

    @contextmanager
    def control(self, **change: object) -> Iterator[None]:
        self._control("POST", json=change)
        try:
            yield
        finally:
            self._control("DELETE")

    @contextmanager
    def failing(
        self, order_id: str, operation: str, how: str, times: int | None = None
    ) -> Iterator[None]:
        """Let such calls for this order fail, every one unless `times` says how many.

        The faults of other orders stay as they are.
        """
        fault = {"order_id": order_id, "operation": operation, "how": how, "times": times}
        self._control("POST", json={"fail_order": fault})
        try:
            yield
        finally:
            self._control("DELETE", params={"order_id": order_id})

    def set_fault(self, change: dict[str, object]) -> None:
        """Set a fault that ends by itself."""
        self._control("POST", json=change)

    def _control(self, method: str, **what: Any) -> None:  # noqa: ANN401 - httpx's own
        with httpx.Client(verify=NO_CERTIFICATES, trust_env=False) as http:
            http.request(method, f"{self.url}/control", **what).raise_for_status()


def simulator(kind: str, data_dir: Path, receiver: Receiver) -> SimulatorProcess:
    port = free_port()
    prefix = f"WAYBILL_{kind.upper()}"
    environment = {
        f"{prefix}_SIMULATOR_PORT": str(port),
        f"{prefix}_SIMULATOR_WEBHOOK_URL": receiver.url,
        f"{prefix}_API_KEY": API_KEY,
        f"{prefix}_WEBHOOK_SECRET": SECRET,
        "WAYBILL_CARRIER_DISPATCH_AFTER": "PT0S",
        "WAYBILL_CARRIER_DELIVER_AFTER": "PT0.05S",
        "WAYBILL_SIMULATOR_HANG": "PT20S",
    }
    return SimulatorProcess(f"{kind}_simulator", port, data_dir, environment)
