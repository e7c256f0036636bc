"""The command prints the comparison of the read models, and exits with its result."""

from __future__ import annotations

import os
from collections.abc import Mapping

import pytest

from domain.product.commands import ListProduct
from settings import DatabaseRole
from stack.servers import Servers
from tests.conftest import beside
from tests.integration.projections.commands import euros
from tests.integration.projections.log import Log
from tests.support.forks import ran

AWAY = "postgresql+asyncpg://nobody:nothing@127.0.0.1:1/none"
LISTED = ListProduct(aggregate_id="a", name="Cup", price=euros(450))
AGREES = "The log and 17 tables agree in 1 row: 1 event, up to position 1"


@pytest.fixture
def environment(servers: Servers, database_url: str) -> dict[str, str]:
    """Return the whole environment of the command, without the shell's variables."""
    return {
        **os.environ,
        "WAYBILL_DATA_DIR": os.devnull,
        "WAYBILL_API_DATABASE_URL": beside(servers, DatabaseRole.API, database_url),
    }


async def command(environment: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    ended = await ran("-m", "projections.verify", *arguments, environment=environment)
    return ended.code, ended.out, ended.err


async def test_the_command_exits_with_0_when_the_tables_agree(
    log: Log, environment: dict[str, str]
) -> None:
    await log.append_each(LISTED)
    assert await command(environment) == (0, f"{AGREES}\n", "")


async def test_the_command_exits_with_1_when_a_row_differs(
    log: Log, environment: dict[str, str]
) -> None:
    await log.append_each(LISTED)
    await log.owner.execute("UPDATE readmodel.product_view SET price = 451")
    code, output, errors = await command(environment, "--name", "products")
    assert (code, errors) == (1, "")
    assert output.splitlines() == [
        "product_view (sku=a): price is 451, replayed 450",
        "The log and 1 table differ in 1 row: 1 event, up to position 1",
    ]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"WAYBILL_API_DATABASE_URL": AWAY}, "PostgreSQL fails: ConnectionRefusedError: "),
        ({"WAYBILL_API_DATABASE_URL": ""}, "WAYBILL_DATABASE_URL is not set"),
    ],
)
async def test_the_command_exits_with_2_and_one_line_when_it_cannot_compare(
    environment: dict[str, str], changed: dict[str, str], says: str
) -> None:
    code, output, errors = await command({**environment, **changed})
    assert (code, output) == (2, "")
    assert errors.startswith(f"verify: {says}")
    assert errors.count("\n") == 1
