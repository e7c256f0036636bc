"""Every migration describes itself completely."""

from __future__ import annotations

import io
import re
from argparse import Namespace
from typing import Final

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import Script, ScriptDirectory

from stack.processes import ROOT

MADE_ANEW: Final = {
    "eventstore.announced_head",
    "eventstore.bus",
    "eventstore.consumer_lease",
    "eventstore.consumer_member",
    "eventstore.snapshot",
    "eventstore.stored_format",
    "journal.heartbeat",
    "journal.polling_worker",
    "readmodel.analytics_backorder",
    "readmodel.analytics_breakdown",
    "readmodel.analytics_change",
    "readmodel.analytics_duration",
    "readmodel.analytics_order",
    "readmodel.analytics_total",
}
"""Tables whose rows are created again automatically: a downgrade may drop them unasked."""


def config(printed: io.StringIO | None = None) -> Config:
    options = Namespace(x=["destroy=yes"])
    return Config(ROOT / "alembic.ini", output_buffer=printed, cmd_opts=options)


def migrations() -> list[Script]:
    return list(ScriptDirectory.from_config(config()).walk_revisions())


def sql_of_downgrade(migration: Script) -> str:
    printed = io.StringIO()
    before = migration.down_revision or "base"
    command.downgrade(config(printed), f"{migration.revision}:{before}", sql=True)
    return printed.getvalue()


@pytest.mark.parametrize("migration", migrations(), ids=lambda migration: migration.revision)
def test_a_migration_names_every_table_that_loses_rows_by_its_downgrade(migration: Script) -> None:
    sql = sql_of_downgrade(migration)
    dropped = re.findall(r"DROP TABLE (?:IF EXISTS )?([\w., \n]+)", sql)
    tables = {name.strip() for names in dropped for name in names.split(",")}
    emptied = set(re.findall(r"(?:DELETE FROM|TRUNCATE(?: TABLE)?) ([\w.]+)", sql))
    lost = {name for name in tables | emptied if "." in name} - MADE_ANEW
    assert lost - set(migration.module.DESTROYS) == set()


@pytest.mark.parametrize("migration", migrations(), ids=lambda migration: migration.revision)
def test_no_migration_drops_dependent_objects_of_others(migration: Script) -> None:
    assert "CASCADE" not in sql_of_downgrade(migration).replace("Never CASCADE", "")
