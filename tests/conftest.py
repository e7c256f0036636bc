"""The real servers, started once; every test takes its own database, stream or queue from them."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest

from eventstore.pool import Pool, create_pool
from stack.databases import fresh_database
from stack.servers import Servers, started_servers


@pytest.fixture(scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    """PostgreSQL, Temporal and NATS. Its own database is the template of all others: only copy."""
    data_dir = tmp_path_factory.mktemp("stack")
    async with started_servers(data_dir) as started:
        yield started
    shutil.rmtree(data_dir)


@pytest.fixture
async def database_url(servers: Servers) -> AsyncIterator[str]:
    """A migrated and empty database, of this test alone."""
    async with fresh_database(servers.database_url) as url:
        yield url


@pytest.fixture(scope="module")
async def module_database_url(servers: Servers) -> AsyncIterator[str]:
    """A migrated and empty database, shared by the tests of one module."""
    async with fresh_database(servers.database_url) as url:
        yield url


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    async with await create_pool(database_url) as pool:
        yield pool


@pytest.fixture(scope="module")
async def module_pool(module_database_url: str) -> AsyncIterator[Pool]:
    async with await create_pool(module_database_url) as pool:
        yield pool
