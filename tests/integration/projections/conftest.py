from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.projections.log import Log, opened


@pytest.fixture
async def log(database_url: str, owner_url: str) -> AsyncIterator[Log]:
    async with opened(database_url, owner_url) as log:
        yield log
