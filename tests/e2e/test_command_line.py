"""The command line follows a running system over restarts of its API."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import Process as Command
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from kit.local_http import local_client
from providers.carrier_simulator.routes import NEVER_DISPATCHED
from stack.ports import LOOPBACK, Ports
from stack.programs import api_command
from stack.system import System
from stack.tokens import Role
from tests.e2e.orders import ask, cancel, customer, placed
from tests.e2e.processes import Process, started
from tests.support.api_client import Json
from tests.support.waybill import Waybill

TIMEOUT_SECONDS = 90


@asynccontextmanager
async def signed_in(system: System, role: Role) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {system.token(role)}"}
    async with local_client(base_url=system.url, headers=headers, timeout=20) as http:
        yield http


@pytest.fixture
async def admin(system: System) -> AsyncIterator[httpx.AsyncClient]:
    async with signed_in(system, Role.ADMIN) as http:
        yield http


@asynccontextmanager
async def api(system: System, log: Path, port: int) -> AsyncIterator[Process]:
    """Start an API beside that of the system; yield it when it is live."""
    async with started(log, system.environment, *api_command(port)) as process:
        await process.writes("Uvicorn running on")
        yield process


async def record(command: Command) -> Json:
    """Return the next line of JSON that the command prints."""
    assert command.stdout
    async with asyncio.timeout(TIMEOUT_SECONDS):
        line = await command.stdout.readline()
    found: Json = json.loads(line)
    return found


async def is_lost(command: Command) -> None:
    """Wait until the command says that it tries to connect again."""
    assert command.stderr
    async with asyncio.timeout(TIMEOUT_SECONDS):
        assert b"Trying again ..." in await command.stderr.readline()


async def a_product(admin: httpx.AsyncClient) -> str:
    sku = f"SKU-{uuid4().hex[:8].upper()}"
    price = {"amount": 100, "currency": "EUR"}
    wanted = {"idempotencyKey": str(uuid4()), "sku": sku, "name": "Spoon", "price": price}
    assert (await ask(admin, "ListProduct", input=wanted))["listProduct"]["userErrors"] == []
    return sku


async def receive(admin: httpx.AsyncClient, sku: str, quantity: int) -> None:
    wanted = {"idempotencyKey": str(uuid4()), "sku": sku, "quantity": quantity}
    assert (await ask(admin, "ReceiveStock", input=wanted))["receiveStock"]["userErrors"] == []


async def events_of(admin: httpx.AsyncClient, stream: str) -> list[Json]:
    page = (await ask(admin, "Events", stream=stream, first=100))["events"]
    return [edge["node"] for edge in page["edges"]]


async def test_a_tail_has_each_event_once_over_a_restart_of_the_api(
    system: System, admin: httpx.AsyncClient, tmp_path: Path
) -> None:
    sku, port = await a_product(admin), Ports.one_more()
    stream = f"inventory-{sku}"
    waybill = Waybill(f"http://{LOOPBACK}:{port}", system.token(Role.OPERATOR))
    follow = ("events", "tail", "--stream", stream, "--follow", "--json", "--every", "0.1")
    await receive(admin, sku, 1)
    async with api(system, tmp_path / "first", port) as first, waybill.started(*follow) as tail:
        printed = [await record(tail)]
        first.process.kill()
        await is_lost(tail)
        await receive(admin, sku, 2)
        async with api(system, tmp_path / "second", port):
            printed.append(await record(tail))
            await receive(admin, sku, 3)
            printed.append(await record(tail))
        assert tail.returncode is None

    assert printed == await events_of(admin, stream)
    assert [event["data"]["quantity"] for event in printed] == [1, 2, 3]


async def test_an_order_is_watched_to_its_end_over_a_restart_of_the_api(
    unwatched: System, tmp_path: Path
) -> None:
    port = Ports.one_more()
    waybill = Waybill(f"http://{LOOPBACK}:{port}", unwatched.token(Role.OPERATOR))
    async with (
        customer(unwatched) as http,
        signed_in(unwatched, Role.ADMIN) as admin,
        api(unwatched, tmp_path / "first", port) as first,
    ):
        order_id = await placed(http, NEVER_DISPATCHED, "CONFIRMED")
        async with waybill.started("orders", "watch", order_id, "--json") as watch:
            updates = [await record(watch)]
            first.process.kill()
            await is_lost(watch)
            assert await cancel(http, order_id) == []
            async with (
                api(unwatched, tmp_path / "second", port),
                asyncio.timeout(TIMEOUT_SECONDS),
            ):
                out, err = await watch.communicate()
        streams = [f"{category}-{order_id}" for category in ("order", "payment", "shipment")]
        events = [event for stream in streams for event in await events_of(admin, stream)]

    assert (watch.returncode, err) == (0, b"")
    updates += map(json.loads, out.splitlines())
    assert [updates[0]["eventType"], updates[0]["order"]["status"]] == [None, "CONFIRMED"]
    in_order = sorted(events, key=lambda event: int(event["positionNumber"]))
    types = [update["eventType"] for update in updates[1:]]
    assert types[-1] == "OrderCancelled"
    assert types == [event["type"] for event in in_order][-len(types) :]
    assert "OrderConfirmed" not in types


async def test_the_installed_program_needs_no_options_beside_the_embedded_stack(
    system: System, tmp_path: Path
) -> None:
    program = Path(sys.executable).with_name("waybill")
    environment = {"WAYBILL_DATA_DIR": system.environment["WAYBILL_DATA_DIR"]}

    ran = await asyncio.create_subprocess_exec(
        *(program, "products", "list", "--first", "1", "--json"),
        cwd=tmp_path,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(TIMEOUT_SECONDS):
        out, err = await ran.communicate()

    assert (ran.returncode, err) == (0, b"")
    assert [product["sku"] for product in json.loads(out)["items"]] == ["CUP-02"]
