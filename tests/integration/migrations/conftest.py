from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stack.servers import Servers
from tests.integration.migrations.checkout import Checkout, empty_database


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout.copied_to(tmp_path)


@pytest.fixture
async def empty_url(servers: Servers) -> AsyncIterator[str]:
    """A database without anything of ours, by the role that owns it."""
    async with empty_database(servers.owner_url) as url:
        yield url
