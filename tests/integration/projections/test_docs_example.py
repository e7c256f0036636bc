"""The read model that docs/PROJECTIONS.md writes follows the log."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg
import pytest

from kit.eventually import eventually
from kit.pool import create_pool
from projections.follower import Follower
from projections.tables import METADATA
from stack.processes import ROOT
from tests.integration.projections.commands import COMMANDS
from tests.integration.projections.log import Log

BLOCKS: Final = re.findall(
    r"```python\n(.*?)```", (ROOT / "docs" / "PROJECTIONS.md").read_text(), re.DOTALL
)
PRICE: Final = 3_796
"""The total of each of the two orders: lines 3,000, discount 300, shipping 490, and the taxes."""
ROWS: Final = "SELECT currency, orders, value FROM readmodel.orders_by_currency"


@pytest.fixture
async def names(owner: asyncpg.Connection) -> AsyncIterator[dict[str, Any]]:
    """Run the module of the page, and the statement of its migration."""
    module, migration = BLOCKS
    names: dict[str, Any] = {}
    exec(compile(module, "docs/PROJECTIONS.md", "exec"), names)  # noqa: S102 - our own page
    (statement,) = re.findall(r'"""(.*?)"""', migration, re.DOTALL)
    await owner.execute(statement)
    await owner.execute("ALTER TABLE readmodel.orders_by_currency OWNER TO waybill_projections")
    yield names
    METADATA.remove(names["orders_by_currency"])


async def test_the_projection_of_the_page_counts_the_orders(
    names: dict[str, Any], log: Log, database_url: str, owner: asyncpg.Connection
) -> None:
    await log.append_each(*COMMANDS["order"])
    async with await create_pool(database_url) as pool:
        following = asyncio.create_task(
            Follower(pool, log.store, names["ORDERS_BY_CURRENCY"]).run()
        )

        async def counted() -> bool:
            return [tuple(row) for row in await owner.fetch(ROWS)] == [("EUR", 2, 2 * PRICE)]

        await eventually(counted)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
