"""A backup is restored under a Temporal and providers that know more, or less, than the log."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from temporalio.client import Client
from temporalio.service import RPCError

from kit.local_http import local_client
from providers.carrier_simulator.routes import NEVER_DISPATCHED
from stack.ports import Ports
from stack.system import System, started_system
from stack.tokens import Role
from tests.e2e.orders import (
    NOT_BY_ITSELF,
    THERE,
    ask,
    cancel,
    customer,
    effects,
    events,
    placed,
    reaches,
    recover,
)
from tests.support import backups
from tests.support.forks import ran

SETTINGS = {**NOT_BY_ITSELF, "WAYBILL_CARRIER_DISPATCH_AFTER": "PT5S"}
VOIDED_ONCE = {"authorized": 1, "voided": 1}
PAID_ONCE = {"authorized": 1, "captured": 1}
SENT_ONCE = {"created": 1, "dispatched": 1, "delivered": 1}

pytestmark = [pytest.mark.long, pytest.mark.timeout(280)]


def signed_in(system: System, role: Role, subject: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {system.token(role, subject)}"}
    return local_client(base_url=system.url, headers=headers, timeout=20)


async def command(system: System, *arguments: str) -> tuple[int, list[str]]:
    ended = await ran("-m", *arguments, environment=system.environment)
    return ended.code, ended.printed.splitlines()


async def erase(system: System, customer_id: str) -> None:
    given = {
        "idempotencyKey": str(uuid4()),
        "customerId": customer_id,
        "reason": "CUSTOMER_REQUEST",
    }
    async with signed_in(system, Role.ADMIN, "admin-of-the-test") as admin:
        erased = (await ask(admin, "EraseCustomer", input=given))["eraseCustomer"]
    assert erased["userErrors"] == []


async def repeat(system: System, list_of_erasures: Path) -> list[str]:
    code, lines = await command(system, "orchestrator.erasures", "repeat", str(list_of_erasures))
    assert code == 0, lines
    return lines


async def address(system: System, order_id: str) -> object:
    """Return the address of an order as an operator sees it."""
    async with signed_in(system, Role.OPERATOR, "operator-of-the-test") as staff:
        query = "query ($id: ID!) { order(id: $id) { shippingAddress { name } } }"
        answer = await staff.post("/graphql", json={"query": query, "variables": {"id": order_id}})
        return answer.json()["data"]["order"]["shippingAddress"]


def put_back(data_dir: Path, backup: Path) -> None:
    shutil.rmtree(data_dir / "postgres")
    shutil.move(backup / "postgres", data_dir / "postgres")


async def cancelled(http: httpx.AsyncClient) -> str:
    order_id = await placed(http, NEVER_DISPATCHED, "CONFIRMED")
    assert await cancel(http, order_id) == []
    await reaches(http, order_id, "CANCELLED")
    return order_id


async def terminate(system: System, order_id: str) -> None:
    """Terminate the order's workflow, which may have ended when the comparison notified it."""
    temporal = await Client.connect(system.servers.temporal_address)
    with suppress(RPCError):
        await temporal.get_workflow_handle(f"order-{order_id}").terminate("not as the log")


async def test_a_database_that_is_older_than_temporal_and_the_providers_catches_up(
    tmp_path: Path,
) -> None:
    ports, data_dir = Ports.free(), tmp_path / "data"
    list_of_erasures = tmp_path / "erasures.jsonl"
    async with started_system(data_dir, ports, given=SETTINGS) as system, customer(system) as http:
        async with signed_in(system, Role.CUSTOMER, "leaving") as leaving:
            theirs = await cancelled(leaving)
        behind = await placed(http, THERE, "CONFIRMED")
        await system.carrier_simulator.stop()
        await backups.base_backup(system.servers.owner_url, tmp_path / "backup")
        assert (await reaches(http, behind, "CONFIRMED"))["id"] == behind
        system.carrier_simulator.start()
        await system.carrier_simulator.ready()
        await reaches(http, behind, "DELIVERED")
        lost = await placed(http, THERE, "DELIVERED")
        await erase(system, "leaving")
        code, _ = await command(system, "orchestrator.erasures", "record", str(list_of_erasures))
        assert code == 0

    put_back(data_dir, tmp_path / "backup")

    async with started_system(data_dir, ports, given=SETTINGS) as system, customer(system) as http:
        assert await address(system, theirs) == {"name": "Ada"}
        assert await command(system, "eventstore.checkpoints", "set-right") == (
            *(0, ["0 checkpoints set right."]),
        )
        code, lines = await recover(system)
        assert code == 0
        assert (
            f"order {lost}: workflow discrepancy: the log says no such order, "
            "the other side running"
        ) in lines
        assert (
            f"order {behind}: payment discrepancy: the log says attempt 1 held, the other side "
            "captured 2580"
        ) in lines
        assert (
            f"order {behind}: shipment discrepancy: the log says waiting, the other side left"
        ) in lines

        await terminate(system, behind)
        code, lines = await recover(system, "--order", behind)
        assert lines[0] == f"order {behind}: its saga had no workflow and was recovered"
        code, lines = await recover(system, "--order", lost)
        assert lines[0] == f"order {lost}: it was lost from the log and was placed again"
        for order_id in (behind, lost):
            order = await reaches(http, order_id, "DELIVERED")
            assert order["payment"]["captured"]["amount"] == 2580
            assert await effects(ports.payment_simulator_port, order_id) == PAID_ONCE
            assert await effects(ports.carrier_simulator_port, order_id) == SENT_ONCE
        code, lines = await recover(system)
        assert (code, lines[0]) == (0, "0 sagas recovered.")
        assert lines[-1].endswith(" compared, 0 with discrepancies.")

        assert await repeat(system, list_of_erasures) == [
            "customer leaving: erased again",
            "1 erasure repeated.",
        ]
        assert await address(system, theirs) is None
        assert await address(system, behind) == {"name": "Ada"}
        code, lines = await command(system, "eventbus.republish", "--from=0")
        assert code == 0, lines
        assert lines[-1].endswith("the bus has every event that it should have")
        code, lines = await command(system, "projections.verify")
        assert code == 0, lines


async def test_a_temporal_that_is_older_than_the_database_catches_up(tmp_path: Path) -> None:
    ports, data_dir = Ports.free(), tmp_path / "data"
    async with started_system(data_dir, ports, given=SETTINGS) as system, customer(system) as http:
        ended = await placed(http, NEVER_DISPATCHED, "CONFIRMED")
        copy_temporal(data_dir, tmp_path / "temporal.db")
        assert await cancel(http, ended) == []
        await reaches(http, ended, "CANCELLED")
        newer = await placed(http, NEVER_DISPATCHED, "CONFIRMED")

    for file in data_dir.glob("temporal.db*"):
        file.unlink()
    shutil.move(tmp_path / "temporal.db", data_dir / "temporal.db")

    async with started_system(data_dir, ports, given=SETTINGS) as system, customer(system) as http:
        code, lines = await recover(system)
        assert code == 0
        assert f"order {newer}: its saga had no workflow and was recovered" in lines
        await terminate(system, ended)
        assert await cancel(http, newer) == []
        await reaches(http, newer, "CANCELLED")
        for order_id in (ended, newer):
            assert await effects(ports.payment_simulator_port, order_id) == VOIDED_ONCE
            assert await effects(ports.carrier_simulator_port, order_id) == {
                "created": 1,
                "cancelled": 1,
            }
        assert (await events(system, f"order-{ended}")).count("OrderCancelled") == 1


def copy_temporal(data_dir: Path, copy: Path) -> None:
    """Copy the database of the running server, as a backup of Temporal's own database would."""
    with sqlite3.connect(data_dir / "temporal.db") as source, sqlite3.connect(copy) as target:
        source.backup(target)
