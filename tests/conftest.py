"""Start the real servers once; every test gets its own database, stream or queue from them."""

from __future__ import annotations

import gc
import os
import shutil
import signal
from collections.abc import AsyncIterator, Generator
from pathlib import Path

import asyncpg
import pytest

from kit.pool import Pool, create_pool
from settings import DatabaseRole
from settings_sources import PREFIX
from stack import ports
from stack.databases import fresh_database
from stack.postgres import connected, sibling
from stack.servers import Servers, started_servers
from tests.support.scheduling import ByModule

MEMORY = Path("/dev/shm")  # noqa: S108 - pytest makes a private folder in it
MIN_FREE_BYTES = 2_000_000_000


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--record-examples", action="store_true", help="write graphql/examples from the answers"
    )


def pytest_configure() -> None:
    _forget_settings()
    _take_interrupts()
    _share_ports()
    _write_to_memory()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByModule:
    config.option.loadscopereorder = False  # the longest come first already
    return ByModule(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect no garbage among the imported modules and the collected tests: they all stay."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def _take_interrupts() -> None:
    """Let child processes be interrupted also where a shell started the tests in its background.

    Such a shell lets them ignore SIGINT, and a child inherits that.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _share_ports() -> None:
    """Give each process of pytest-xdist its own share of the free ports."""
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    count = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports.SPARE_PORTS = ports.SPARE_PORTS[number::count]


def _write_to_memory() -> None:
    """Keep the temporary folders in memory where there is room: a disk makes the tests wait."""
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MIN_FREE_BYTES:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def _forget_settings() -> None:
    """Remove the shell's settings: a test gives each process the ones that it needs."""
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        del os.environ[name]


@pytest.fixture(scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """Yield PostgreSQL, Temporal and NATS. Their database is a template: tests may only copy it."""
    data_dir = tmp_path_factory.mktemp("stack")
    async with started_servers(data_dir) as started:
        yield started
    shutil.rmtree(data_dir)


@pytest.fixture
async def database_url(servers: Servers) -> AsyncIterator[str]:
    """Return a migrated, empty database of this test alone, for the role that appends."""
    async with fresh_database(servers.database_url, servers.owner_url) as url:
        yield url


@pytest.fixture
def owner_url(servers: Servers, database_url: str) -> str:
    """Return the same database for its owner, who may do what no process may do."""
    return beside(servers, DatabaseRole.MIGRATION, database_url)


@pytest.fixture(scope="module")
async def module_database_url(servers: Servers) -> AsyncIterator[str]:
    """Return a migrated, empty database that the tests of one module share."""
    async with fresh_database(servers.database_url, servers.owner_url) as url:
        yield url


@pytest.fixture
async def owner(owner_url: str) -> AsyncIterator[asyncpg.Connection]:
    async with connected(owner_url) as connection:
        yield connection


@pytest.fixture(scope="module")
def module_owner_url(servers: Servers, module_database_url: str) -> str:
    return beside(servers, DatabaseRole.MIGRATION, module_database_url)


@pytest.fixture(scope="module")
def module_api_url(servers: Servers, module_database_url: str) -> str:
    return beside(servers, DatabaseRole.API, module_database_url)


def beside(servers: Servers, role: DatabaseRole, url: str) -> str:
    """Return the database of this URL for another role."""
    return sibling(servers.databases[role], url.rpartition("/")[2])


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with await create_pool(database_url) as pool:
        yield pool


@pytest.fixture(scope="module")
async def module_pool(module_database_url: str) -> AsyncIterator[Pool]:
    async with await create_pool(module_database_url) as pool:
        yield pool
