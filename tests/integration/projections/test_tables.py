"""The tables that the code describes are those of the database."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Column, Table

from projections.columns import defaults, key_columns, types
from projections.tables import METADATA

COLUMNS = """
    SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type,
           a.attgenerated <> '' AS is_computed, pg_get_expr(d.adbin, d.adrelid) AS expression
    FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped
"""
KEY = """
    SELECT a.attname AS name
    FROM pg_index i CROSS JOIN unnest(i.indkey) WITH ORDINALITY AS k (number, place)
    JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number
    WHERE i.indrelid = $1::text::regclass AND i.indisprimary
    ORDER BY k.place
"""
TABLES = [pytest.param(table, id=table.name) for table in METADATA.sorted_tables]


async def columns_of(owner: asyncpg.Connection, table: Table) -> list[asyncpg.Record]:
    found: list[asyncpg.Record] = await owner.fetch(COLUMNS, f"readmodel.{table.name}")
    return found


def computation(column: Column[Any]) -> str | None:
    return None if column.computed is None else str(column.computed.sqltext)


@pytest.mark.parametrize("table", TABLES)
async def test_a_table_has_the_columns_and_types_of_the_database(
    table: Table, owner: asyncpg.Connection
) -> None:
    found = {column["name"]: column["type"] for column in await columns_of(owner, table)}
    assert {name: type_.lower() for name, type_ in types(table).items()} == found


@pytest.mark.parametrize("table", TABLES)
async def test_a_table_has_the_key_of_the_database_in_its_order(
    table: Table, owner: asyncpg.Connection
) -> None:
    found = await owner.fetch(KEY, f"readmodel.{table.name}")
    assert list(key_columns(table)) == [column["name"] for column in found]


@pytest.mark.parametrize("table", TABLES)
async def test_a_table_has_the_computed_columns_of_the_database(
    table: Table, owner: asyncpg.Connection
) -> None:
    found = {
        # PostgreSQL adds parentheses.
        column["name"]: column["expression"].replace("(", "").replace(")", "")
        for column in await columns_of(owner, table)
        if column["is_computed"]
    }
    assert {c.name: computation(c) for c in table.columns if c.computed is not None} == found


@pytest.mark.parametrize("table", TABLES)
async def test_a_new_row_has_the_defaults_of_the_database(
    table: Table, owner: asyncpg.Connection
) -> None:
    found = {
        column["name"]: await owner.fetchval(
            f"SELECT to_jsonb({column['expression'] or 'NULL::text'})"
        )
        for column in await columns_of(owner, table)
        if not column["is_computed"]
    }
    described = {
        name: json.loads(value) if types(table)[name] == "JSONB" and value else value
        for name, value in defaults(table).items()
    }
    assert described == {name: value and json.loads(value) for name, value in found.items()}
