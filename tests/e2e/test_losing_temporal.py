"""The log restores what Temporal loses, within a minute and without an operator."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
from temporalio.client import Client

from providers.carrier_simulator.routes import NEVER_DELIVERED, NEVER_DISPATCHED
from providers.payment_simulator.methods import APPROVAL
from stack.ports import Ports
from stack.postgres import connected
from stack.system import System, started_system
from temporal.schedules import RECOVERY
from tests.e2e.orders import (
    PATIENT,
    THERE,
    cancel,
    customer,
    effects,
    events,
    placed,
    reaches,
    recover,
    recoveries,
)
from tests.e2e.processes import TEMPORAL, at

SOON = {**PATIENT, "WAYBILL_RECONCILE_EVERY": "PT2S", "WAYBILL_RECONCILE_GRACE": "PT1S"}
AN_HOUR_OLDER: Final = """
    UPDATE eventstore.event SET recorded_at = recorded_at - interval '61 minutes'
    WHERE stream_id = $1
"""
"""The promised return window of the order has closed since."""

pytestmark = pytest.mark.timeout(180)


def lose_temporals_database(data_dir: Path) -> None:
    files = list(data_dir.glob("temporal.db*"))
    assert files
    for file in files:
        file.unlink()


@pytest.mark.long
async def test_sagas_continue_after_the_loss_of_temporals_database(tmp_path: Path) -> None:
    ports = Ports.free()
    async with started_system(tmp_path, ports, given=SOON) as system, customer(system) as http:
        waiting = await placed(http, NEVER_DISPATCHED, "CONFIRMED")
        on_its_way = await placed(http, NEVER_DELIVERED, "SHIPPED")
        delivered = await placed(http, THERE, "DELIVERED")
        unpaid = await placed(http, THERE, "RESERVED", paymentMethod=APPROVAL)
        cancelled = await placed(http, NEVER_DISPATCHED, "CONFIRMED")
        assert await cancel(http, cancelled) == []
        await reaches(http, cancelled, "CANCELLED")
        async with connected(system.servers.owner_url) as owner:
            await owner.execute(AN_HOUR_OLDER, f"order-{delivered}")

    lose_temporals_database(tmp_path)

    async with started_system(tmp_path, ports, given=SOON) as system, customer(system) as http:
        await recoveries(system, waiting, on_its_way, delivered, unpaid)
        await reaches(http, delivered, "COMPLETED")
        assert await cancel(http, waiting) == []
        await reaches(http, waiting, "CANCELLED")
        assert await cancel(http, unpaid) == []
        await reaches(http, unpaid, "CANCELLED")
        assert (await reaches(http, on_its_way, "SHIPPED"))["payment"]["captured"]["amount"] == 2580

        assert await events(system, f"saga-{cancelled}") == []
        money, parcels = ports.payment_simulator_port, ports.carrier_simulator_port
        assert await effects(money, delivered) == {"authorized": 1, "captured": 1}
        assert await effects(money, waiting) == {"authorized": 1, "voided": 1}
        assert await effects(money, on_its_way) == {"authorized": 1, "captured": 1}
        assert await effects(parcels, delivered) == {"created": 1, "dispatched": 1, "delivered": 1}
        assert await effects(parcels, waiting) == {"created": 1, "cancelled": 1}


@pytest.fixture(scope="module")
async def watched(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[System]:
    """Start a system that reconciles every two seconds."""
    async with started_system(tmp_path_factory.mktemp("watched"), given=SOON) as system:
        yield system


async def test_a_saga_terminated_in_the_web_ui_is_recovered_automatically(watched: System) -> None:
    temporal = await Client.connect(watched.servers.temporal_address)
    async with customer(watched) as http:
        order_id = await placed(http, NEVER_DISPATCHED, "CONFIRMED")
        await temporal.get_workflow_handle(f"order-{order_id}").terminate("by a person")
        await recoveries(watched, order_id)
        assert await cancel(http, order_id) == []
        await reaches(http, order_id, "CANCELLED")
    assert await effects(watched.ports.payment_simulator_port, order_id) == {
        "authorized": 1,
        "voided": 1,
    }


async def test_a_deleted_schedule_is_created_again(watched: System) -> None:
    temporal = await Client.connect(watched.servers.temporal_address)
    await temporal.get_schedule_handle(RECOVERY.id).delete()
    async with customer(watched) as http:
        order_id = await placed(http, NEVER_DISPATCHED, "CONFIRMED")
        await temporal.get_workflow_handle(f"order-{order_id}").terminate("by a person")
        await recoveries(watched, order_id)


async def test_a_manual_recovery_prints_its_result_and_a_stopped_system(
    unwatched: System,
) -> None:
    system = unwatched
    async with customer(system) as http:
        temporal = await Client.connect(system.servers.temporal_address)
        one = await placed(http, NEVER_DISPATCHED, "CONFIRMED")
        other = await placed(http, NEVER_DISPATCHED, "CONFIRMED")
        for order_id in (one, other):
            await temporal.get_workflow_handle(f"order-{order_id}").terminate("by a person")

        code, lines = await recover(system, "--order", one)
        assert (code, lines) == (
            0,
            [
                f"order {one}: its saga had no workflow and was recovered",
                "1 saga recovered.",
                "1 order compared, 0 with discrepancies.",
            ],
        )
        assert await events(system, f"saga-{other}") == []

        code, lines = await recover(system)
        assert code == 0
        assert lines[:2] == [
            f"order {other}: its saga had no workflow and was recovered",
            "1 saga recovered.",
        ]
        assert lines[2].endswith(" compared, 0 with discrepancies.")
        code, lines = await recover(system)
        assert (code, lines[0]) == (0, "0 sagas recovered.")

    address = at(system.environment[TEMPORAL], Ports.free().temporal_port)
    code, lines = await recover(system, **{TEMPORAL: address})
    assert (code, lines) == (
        1,
        ["recover: Temporal does not answer: start the service first, with `make run`"],
    )


@pytest.mark.parametrize("order_id", ["nope", "order-nope", "no such order"])
async def test_recovering_an_unknown_order_is_reported(watched: System, order_id: str) -> None:
    code, lines = await recover(watched, "--order", order_id)
    assert (code, lines) == (1, [f"recover: there is no order {order_id}"])
