from __future__ import annotations

import nats
import pytest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client

from stack.postgres import connected
from stack.servers import Servers


async def test_postgres_keeps_what_it_acknowledges_and_checks_its_pages(database_url: str) -> None:
    async with connected(database_url) as connection:
        for name in ("fsync", "synchronous_commit", "full_page_writes", "data_checksums"):
            assert await connection.fetchval(f"SHOW {name}") == "on"


async def test_postgres_asks_for_its_password(database_url: str) -> None:
    user, _, rest = database_url.partition("@")
    with pytest.raises(Exception, match="password authentication failed"):
        async with connected(f"{user}x@{rest}"):
            pass


async def test_each_database_of_a_test_is_migrated(database_url: str) -> None:
    async with connected(database_url) as connection:
        assert await connection.fetchval("SELECT count(*) FROM alembic_version") == 1


async def test_temporal_serves_its_namespace(servers: Servers) -> None:
    client = await Client.connect(servers.temporal_address)
    described = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace="default")
    )
    assert described.namespace_info.name == "default"


async def test_nats_keeps_streams(servers: Servers) -> None:
    connection = await nats.connect(servers.nats_url)
    try:
        account = await connection.jetstream().account_info()
    finally:
        await connection.close()
    assert account.streams == 0
