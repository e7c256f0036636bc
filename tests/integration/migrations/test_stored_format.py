"""A database of another stored format is refused, and nothing in it changes."""

from __future__ import annotations

import asyncpg
import pytest

from stored_format import STORED_FORMAT
from tests.integration.migrations.checkout import Checkout

FORMAT = "SELECT format FROM eventstore.stored_format"


def refusal(held: str) -> str:
    return (
        f"waybill: the database holds stored format {held}, and this code reads {STORED_FORMAT}: "
        "use an empty database, and run `alembic upgrade head` there\n"
    )


async def test_a_new_database_holds_the_format_and_is_upgraded_again(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str
) -> None:
    assert await owner.fetchval(FORMAT) == STORED_FORMAT
    (await checkout.upgrade(owner_url)).succeeded()


@pytest.mark.parametrize(
    ("change", "held"),
    [
        ("UPDATE eventstore.stored_format SET format = 1", "1"),
        ("DELETE FROM eventstore.stored_format", "none"),
        ("DROP TABLE eventstore.stored_format", "none"),
    ],
)
async def test_an_upgrade_refuses_another_format_in_one_line(
    checkout: Checkout, owner: asyncpg.Connection, owner_url: str, change: str, held: str
) -> None:
    await owner.execute(change)
    checkout.add_migration("0015", "def upgrade():\n    op.execute('CREATE TABLE later ()')\n")

    refused = await checkout.upgrade(owner_url)

    assert refused.code == 1
    assert refused.said == refusal(held)
    assert await owner.fetchval("SELECT to_regclass('later')") is None


async def test_a_database_holds_one_format(owner: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        await owner.execute("INSERT INTO eventstore.stored_format VALUES (3)")
