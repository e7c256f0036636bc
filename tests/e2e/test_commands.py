"""The commands that end exit with 0 only when they did what was asked."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from uuid import uuid4

import pytest

from stack.ports import Ports
from stack.processes import ROOT
from stack.system import System

RUNS = 6
UNUSED = Ports.free()
AWAY = {
    "WAYBILL_TEMPORAL_ADDRESS": f"127.0.0.1:{UNUSED.temporal_port}",
    "WAYBILL_DATABASE_URL": f"postgresql+asyncpg://u:p@127.0.0.1:{UNUSED.postgres_port}/d",
    "WAYBILL_HTTP_PORT": str(UNUSED.http_port),
}
AWAY["WAYBILL_API_DATABASE_URL"] = AWAY["WAYBILL_DATABASE_URL"]


async def command(
    environment: Mapping[str, str], *arguments: str, seconds: float = 60
) -> tuple[int | None, list[str]]:
    """Run the command; return its exit code and the lines it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *arguments),
        cwd=ROOT,
        env=dict(environment),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(seconds):
        printed, _ = await process.communicate()
    return process.returncode, printed.decode().splitlines()


async def test_promoting_ends_with_0_however_often_it_is_run(system: System) -> None:
    build = system.environment["WAYBILL_WORKER_BUILD_ID"]
    ended = await asyncio.gather(
        *(command(system.environment, "temporal.promote") for _ in range(RUNS))
    )
    assert ended == [(0, [f"Build {build} is the current one."])] * RUNS


async def test_recovering_ends_with_0_however_often_it_is_run(system: System) -> None:
    ended = await asyncio.gather(
        *(command(system.environment, "orchestrator.recover") for _ in range(RUNS))
    )
    assert [(code, lines[0]) for code, lines in ended] == [(0, "0 sagas recovered.")] * RUNS


@pytest.mark.parametrize(
    "arguments",
    [
        ["temporal.promote", "build-1"],
        ["orchestrator.recover"],
        ["demo.catalogue"],
        ["demo.watch", str(uuid4())],
        ["demo.query", "Products"],
        ["demo.load_catalogue", "demo/products.csv"],
        ["stack.psql"],
        ["eventstore.privacy", "rotate"],
        ["demo"],
    ],
    ids=lambda arguments: " ".join(arguments[:1]),
)
async def test_a_command_whose_server_is_away_prints_one_line_and_exits_with_1(
    system: System, arguments: list[str]
) -> None:
    code, lines = await command(system.environment | AWAY, *arguments)
    assert code == 1
    assert len(lines) == 1, lines


async def test_watching_an_unknown_order_is_an_error(system: System) -> None:
    code, lines = await command(system.environment, "demo.watch", str(uuid4()))
    assert code == 1
    assert len(lines) == 1
    assert lines[0].startswith("watch: ")


async def test_a_document_is_run_for_an_order_and_printed_as_json(system: System) -> None:
    code, lines = await command(
        system.environment, "demo.query", "Products", "--variables", '{"first": 1}'
    )
    assert code == 0
    assert json.loads("".join(lines))["products"]["edges"][0]["node"]["sku"] == "CUP-02"


async def test_the_example_catalogue_is_loaded_once(system: System) -> None:
    first, again = [
        await command(system.environment, "demo.load_catalogue", "demo/products.csv")
        for _ in range(2)
    ]
    assert (first[0], first[1][-1]) == (
        0,
        "listed 3, price changed 0, initial stock received 2, unchanged 0",
    )
    assert (again[0], again[1][-1]) == (0, "listed 0, price changed 0, unchanged 3")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["Nope"], "query: Nope is no operation; there are AcceptDiscrepancy, AcknowledgeNotice, "),
        (["OrderUpdates"], "query: OrderUpdates is a subscription: follow an order by "),
        (["Products", "--id", "x"], "query: Products takes no ID"),
        (["Products", "--variables", "first: 5"], "query: ARGS is not JSON: "),
        (["Products", "--role", "bogus"], "query: 'bogus' is not a role: "),
        (["Saga", "--id", str(uuid4())], "query: "),
        (["ParkedSagas", "--role", "customer"], "query: FORBIDDEN "),
    ],
)
async def test_a_query_that_cannot_be_answered_says_why_in_one_line(
    system: System, arguments: list[str], said: str
) -> None:
    code, lines = await command(system.environment, "demo.query", *arguments)
    assert code == 1
    assert lines[-1].startswith(said), lines


async def test_psql_reads_the_log_and_cannot_change_it(system: System) -> None:
    code, lines = await command(
        system.environment, "stack.psql", "-Atc", "SELECT count(*) > 0 FROM eventstore.event"
    )
    assert (code, lines) == (0, ["t"])
    code, lines = await command(
        system.environment, "stack.psql", "-c", "DELETE FROM eventstore.event"
    )
    assert (code, lines) == (1, ["ERROR:  permission denied for table event"])
