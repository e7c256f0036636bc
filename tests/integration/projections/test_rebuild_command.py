"""The command rebuilds a projection, and its exit code says what became of it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from domain.inventory.commands import ReceiveStock
from kit.eventually import eventually
from kit.pool import Pool
from stack.processes import ROOT
from tests.integration.projections.log import Log
from tests.integration.projections.rebuilds import assert_agrees, stock_in_bulk
from tests.support.forks import ran

AWAY = "postgresql+asyncpg://nobody:nothing@127.0.0.1:1/none"
OID = "SELECT 'readmodel.inventory_view'::regclass::oid"
STATE = "SELECT state FROM eventstore.projection_rebuild WHERE name = 'inventory'"
FILLED = "SELECT sum(events) FROM eventstore.projection_rebuild WHERE state = 'filling'"
REBUILT = "inventory is rebuilt from {} events; its former tables are kept\n"


def environment(url: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "WAYBILL_DATA_DIR": os.devnull,
        "WAYBILL_PROJECTIONS_DATABASE_URL": url,
    }


async def started(url: str, *arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "projections.rebuild", *arguments),
        cwd=ROOT,
        env=environment(url),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def answer(process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


async def command(url: str, *arguments: str) -> tuple[int | None, str, str]:
    ended = await ran("-m", "projections.rebuild", *arguments, environment=environment(url))
    return ended.code, ended.out, ended.err


async def test_the_command_rebuilds_rolls_back_and_drops(
    log: Log, projecting: Pool, projections_url: str
) -> None:
    await log.append_each(*[ReceiveStock(aggregate_id="cup", quantity=1)] * 3)
    first = await log.owner.fetchval(OID)
    name = ("--name", "inventory")

    assert await command(projections_url, *name) == (0, REBUILT.format(3), "")
    assert await log.owner.fetchval(OID) != first
    assert await command(projections_url, *name, "--rollback") == (
        0,
        "inventory shows its former tables again, with the events since then\n",
        "",
    )
    assert await log.owner.fetchval(OID) == first
    assert await command(projections_url, *name, "--drop") == (
        0,
        "the former tables of inventory are dropped\n",
        "",
    )
    assert await command(projections_url, *name, "--rollback") == (
        2,
        "",
        "rebuild: inventory has no retired copy: only a rebuild makes one\n",
    )
    await assert_agrees(projecting)


async def test_an_interrupted_rebuild_is_resumed_by_the_next_call(
    log: Log, projecting: Pool, projections_url: str
) -> None:
    await stock_in_bulk(log.owner, 3_000, 4)
    slowly = ("--name", "inventory", "--events-per-second", "1000")
    process = await started(projections_url, *slowly)
    await eventually(lambda: log.owner.fetchval(FILLED), 20)
    process.send_signal(signal.SIGINT)
    assert await answer(process) == (130, "", "rebuild: interrupted: the next call resumes it\n")
    copied = await log.owner.fetchval(FILLED)
    assert 0 < copied < 12_000
    await log.owner.execute("UPDATE eventstore.projection_rebuild SET events_per_second = NULL")

    assert await command(projections_url, *slowly) == (0, REBUILT.format(12_000), "")
    await assert_agrees(projecting)


async def test_tables_that_differ_are_replaced_only_if_that_is_accepted(
    log: Log, projecting: Pool, projections_url: str
) -> None:
    await log.append_each(ReceiveStock(aggregate_id="cup", quantity=3))
    await log.owner.execute("UPDATE readmodel.inventory_view SET received = 4")
    code, output, errors = await command(projections_url, "--name", "inventory")
    assert (code, output) == (2, "")
    assert "if the live ones are wrong, rebuild with ACCEPT=1" in errors
    assert await log.owner.fetchval("SELECT received FROM readmodel.inventory_view") == 4

    code, *_ = await command(projections_url, "--name", "inventory", "--accept")
    assert code == 0
    await assert_agrees(projecting)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--name", "nothing"), "there is no projection 'nothing': NAME is one of inventory,"),
        ((), "the following arguments are required: --name"),
        (("--name", "orders", "--events-per-second", "0"), "must be at least 1"),
        (("--name", "orders", "--rollback", "--drop"), "not allowed with argument --rollback"),
    ],
)
async def test_bad_arguments_are_refused_and_nothing_is_recorded(
    log: Log, projections_url: str, arguments: tuple[str, ...], says: str
) -> None:
    code, output, errors = await command(projections_url, *arguments)
    assert (code, output) == (2, "")
    assert says in errors
    assert await log.owner.fetchval(STATE) is None


async def test_a_database_that_is_away_is_named_as_the_cause() -> None:
    code, output, errors = await command(AWAY, "--name", "inventory")
    assert (code, output) == (2, "")
    assert errors.startswith("rebuild: PostgreSQL fails: ")
    assert errors.endswith("; the next call resumes the rebuild\n")
