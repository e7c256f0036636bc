from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from settings import DatabaseRole
from stack import postgres
from stack.environment import database_urls, system_environment
from stack.ports import Ports
from stack.servers import Servers
from stack.supervisor import supervised
from tests.integration.migrations.checkout import Checkout, empty_database


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout.copied_to(tmp_path)


@pytest.fixture
async def empty_url(servers: Servers) -> AsyncIterator[str]:
    """Return a database without any objects, for the role that owns it."""
    async with empty_database(servers.owner_url) as url:
        yield url


@pytest.fixture
async def new_server(tmp_path: Path) -> AsyncIterator[str]:
    """Start a PostgreSQL without Waybill's roles; yield the URL of its superuser."""
    (tmp_path / "data").mkdir()
    environment = system_environment(tmp_path / "data", Ports.free())
    url = database_urls(environment)[DatabaseRole.MIGRATION]
    async with supervised(tmp_path / "data") as supervisor:
        await postgres.start(supervisor, tmp_path / "data", url)
        yield url
